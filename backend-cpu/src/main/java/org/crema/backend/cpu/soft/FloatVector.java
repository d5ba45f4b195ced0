package org.crema.backend.cpu.soft;

import java.nio.ByteOrder;
import java.util.Arrays;

/** Floats. */
public final class FloatVector extends Vector {
    public static final VectorSpecies<Float> SPECIES_128 = new VectorSpecies<>(4);
    public static final VectorSpecies<Float> SPECIES_256 = new VectorSpecies<>(8);
    public static final VectorSpecies<Float> SPECIES_512 = new VectorSpecies<>(16);

    final float[] e;

    FloatVector(float[] e) {
        this.e = e;
    }

    public static FloatVector zero(VectorSpecies<Float> species) {
        return new FloatVector(new float[species.lanes]);
    }

    public static FloatVector broadcast(VectorSpecies<Float> species, float value) {
        float[] r = new float[species.lanes];
        Arrays.fill(r, value);
        return new FloatVector(r);
    }

    public static FloatVector fromArray(VectorSpecies<Float> species, float[] values, int from) {
        float[] e = new float[species.lanes];
        System.arraycopy(values, from, e, 0, e.length);
        return new FloatVector(e);
    }

    public static FloatVector fromMemorySegment(VectorSpecies<Float> species, Window memory, long address, ByteOrder order) {
        float[] e = new float[species.lanes];
        memory.floats(address, e);
        return new FloatVector(e);
    }

    public FloatVector add(FloatVector b) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] + b.e[i];
        }
        return new FloatVector(r);
    }

    public FloatVector sub(FloatVector b) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] - b.e[i];
        }
        return new FloatVector(r);
    }

    public FloatVector mul(FloatVector b) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] * b.e[i];
        }
        return new FloatVector(r);
    }

    public FloatVector mul(float b) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] * b;
        }
        return new FloatVector(r);
    }

    /** {@code this · b + c}, rounded once. */
    public FloatVector fma(FloatVector b, FloatVector c) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = Math.fma(e[i], b.e[i], c.e[i]);
        }
        return new FloatVector(r);
    }

    public FloatVector blend(FloatVector b, VectorMask<Float> mask) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = mask.set[i] ? b.e[i] : e[i];
        }
        return new FloatVector(r);
    }

    public FloatVector rearrange(VectorShuffle<Float> shuffle) {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[shuffle.from[i]];
        }
        return new FloatVector(r);
    }

    public IntVector reinterpretAsInts() {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = Float.floatToRawIntBits(e[i]);
        }
        return new IntVector(r);
    }

    public void intoArray(float[] to, int from) {
        System.arraycopy(e, 0, to, from, e.length);
    }

    public void intoMemorySegment(Window memory, long address, ByteOrder order) {
        memory.store(address, e);
    }
}
