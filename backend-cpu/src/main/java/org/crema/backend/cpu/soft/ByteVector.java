package org.crema.backend.cpu.soft;

import java.nio.ByteOrder;

/** Bytes. */
public final class ByteVector extends Vector {
    public static final VectorSpecies<Byte> SPECIES_64 = new VectorSpecies<>(8);
    public static final VectorSpecies<Byte> SPECIES_128 = new VectorSpecies<>(16);

    final byte[] e;

    ByteVector(byte[] e) {
        this.e = e;
    }

    public static ByteVector fromArray(VectorSpecies<Byte> species, byte[] values, int from) {
        byte[] e = new byte[species.lanes];
        System.arraycopy(values, from, e, 0, e.length);
        return new ByteVector(e);
    }

    public static ByteVector fromMemorySegment(VectorSpecies<Byte> species, Window memory, long address, ByteOrder order) {
        byte[] e = new byte[species.lanes];
        memory.bytes(address, e);
        return new ByteVector(e);
    }

    public ByteVector and(ByteVector b) {
        byte[] r = new byte[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (byte) (e[i] & b.e[i]);
        }
        return new ByteVector(r);
    }

    public ByteVector or(ByteVector b) {
        byte[] r = new byte[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (byte) (e[i] | b.e[i]);
        }
        return new ByteVector(r);
    }

    public ByteVector add(ByteVector b) {
        byte[] r = new byte[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (byte) (e[i] + b.e[i]);
        }
        return new ByteVector(r);
    }

    public ByteVector sub(ByteVector b) {
        byte[] r = new byte[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (byte) (e[i] - b.e[i]);
        }
        return new ByteVector(r);
    }

    /** The lanes of a table that this vector names, by as many low bits as there are lanes. */
    public ByteVector selectFrom(ByteVector table) {
        byte[] r = new byte[e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = table.e[e[i] & r.length - 1];
        }
        return new ByteVector(r);
    }

    /** To as many wider lanes as the species has: those of a part, counted in vectors of the species. */
    public <E> Vector convertShape(int conversion, VectorSpecies<E> species, int part) {
        int from = part * species.lanes;
        int count = Math.min(species.lanes, e.length - from);
        return switch (conversion) {
            case VectorOperators.B2F -> {
                float[] r = new float[species.lanes];
                for (int i = 0; i < count; i++) {
                    r[i] = e[from + i];
                }
                yield new FloatVector(r);
            }
            case VectorOperators.ZERO_EXTEND_B2I -> {
                int[] r = new int[species.lanes];
                for (int i = 0; i < count; i++) {
                    r[i] = e[from + i] & 255;
                }
                yield new IntVector(r);
            }
            default -> throw VectorOperators.unknown(conversion, this);
        };
    }

    public IntVector reinterpretAsInts() {
        int[] r = new int[e.length / 4];
        for (int i = 0; i < r.length; i++) {
            r[i] = e[4 * i] & 255 | (e[4 * i + 1] & 255) << 8 | (e[4 * i + 2] & 255) << 16 | e[4 * i + 3] << 24;
        }
        return new IntVector(r);
    }
}
