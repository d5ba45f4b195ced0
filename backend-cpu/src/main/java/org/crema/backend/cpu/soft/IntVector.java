package org.crema.backend.cpu.soft;

import java.nio.ByteOrder;
import java.util.Arrays;

/** 32-bit integers. */
public final class IntVector extends Vector {
    public static final VectorSpecies<Integer> SPECIES_128 = new VectorSpecies<>(4);
    public static final VectorSpecies<Integer> SPECIES_256 = new VectorSpecies<>(8);
    public static final VectorSpecies<Integer> SPECIES_512 = new VectorSpecies<>(16);

    final int[] e;

    IntVector(int[] e) {
        this.e = e;
    }

    public static IntVector broadcast(VectorSpecies<Integer> species, int value) {
        int[] r = new int[species.lanes];
        Arrays.fill(r, value);
        return new IntVector(r);
    }

    public static IntVector fromArray(VectorSpecies<Integer> species, int[] values, int from) {
        int[] e = new int[species.lanes];
        System.arraycopy(values, from, e, 0, e.length);
        return new IntVector(e);
    }

    public static IntVector fromMemorySegment(VectorSpecies<Integer> species, Window memory, long address, ByteOrder order) {
        int[] e = new int[species.lanes];
        memory.ints(address, e);
        return new IntVector(e);
    }

    /** Shifts. */
    public IntVector lanewise(int operator, int count) {
        int[] r = new int[e.length];
        switch (operator) {
            case VectorOperators.LSHL -> {
                for (int i = 0; i < r.length; i++) {
                    r[i] = e[i] << count;
                }
            }
            case VectorOperators.LSHR -> {
                for (int i = 0; i < r.length; i++) {
                    r[i] = e[i] >>> count;
                }
            }
            case VectorOperators.ASHR -> {
                for (int i = 0; i < r.length; i++) {
                    r[i] = e[i] >> count;
                }
            }
            default -> throw VectorOperators.unknown(operator, this);
        }
        return new IntVector(r);
    }

    /** Shifts, each lane by its own count, and exclusive or. */
    public IntVector lanewise(int operator, IntVector b) {
        int[] r = new int[e.length];
        switch (operator) {
            case VectorOperators.LSHL -> {
                for (int i = 0; i < r.length; i++) {
                    r[i] = e[i] << b.e[i];
                }
            }
            case VectorOperators.LSHR -> {
                for (int i = 0; i < r.length; i++) {
                    r[i] = e[i] >>> b.e[i];
                }
            }
            case VectorOperators.XOR -> {
                for (int i = 0; i < r.length; i++) {
                    r[i] = e[i] ^ b.e[i];
                }
            }
            default -> throw VectorOperators.unknown(operator, this);
        }
        return new IntVector(r);
    }

    /** Or, in the lanes that are set. */
    public IntVector lanewise(int operator, IntVector b, VectorMask<Integer> mask) {
        if (operator != VectorOperators.OR) {
            throw VectorOperators.unknown(operator, this);
        }
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = mask.set[i] ? e[i] | b.e[i] : e[i];
        }
        return new IntVector(r);
    }

    public IntVector and(IntVector b) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] & b.e[i];
        }
        return new IntVector(r);
    }

    public IntVector or(IntVector b) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] | b.e[i];
        }
        return new IntVector(r);
    }

    public IntVector add(IntVector b) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] + b.e[i];
        }
        return new IntVector(r);
    }

    public IntVector sub(IntVector b) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] - b.e[i];
        }
        return new IntVector(r);
    }

    public IntVector mul(IntVector b) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i] * b.e[i];
        }
        return new IntVector(r);
    }

    public IntVector rearrange(VectorShuffle<Integer> shuffle) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[shuffle.from[i]];
        }
        return new IntVector(r);
    }

    /** The lanes of a table that this vector names, by as many low bits as there are lanes. */
    public IntVector selectFrom(IntVector table) {
        int[] r = new int[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = table.e[e[i] & r.length - 1];
        }
        return new IntVector(r);
    }

    /** To floats. */
    public Vector convert(int conversion, int part) {
        if (conversion != VectorOperators.I2F || part != 0) {
            throw VectorOperators.unknown(conversion, this);
        }
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[i];
        }
        return new FloatVector(r);
    }

    public FloatVector reinterpretAsFloats() {
        float[] r = new float[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = Float.intBitsToFloat(e[i]);
        }
        return new FloatVector(r);
    }

    public ByteVector reinterpretAsBytes() {
        byte[] r = new byte[4 * e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (byte) (e[i >> 2] >> 8 * (i & 3));
        }
        return new ByteVector(r);
    }
}
