package org.crema.backend.cpu.soft;

import java.nio.ByteOrder;

/** 16-bit integers. */
public final class ShortVector extends Vector {
    public static final VectorSpecies<Short> SPECIES_64 = new VectorSpecies<>(4);
    public static final VectorSpecies<Short> SPECIES_128 = new VectorSpecies<>(8);
    public static final VectorSpecies<Short> SPECIES_256 = new VectorSpecies<>(16);

    final short[] e;

    ShortVector(short[] e) {
        this.e = e;
    }

    public static ShortVector fromMemorySegment(VectorSpecies<Short> species, Window memory, long address, ByteOrder order) {
        short[] e = new short[species.lanes];
        memory.shorts(address, e);
        return new ShortVector(e);
    }

    /** To 32-bit integers. */
    public <E> Vector convertShape(int conversion, VectorSpecies<E> species, int part) {
        if (conversion != VectorOperators.S2I || part != 0) {
            throw VectorOperators.unknown(conversion, this);
        }
        int[] r = new int[species.lanes];
        for (int i = 0; i < Math.min(r.length, e.length); i++) {
            r[i] = e[i];
        }
        return new IntVector(r);
    }
}
