package org.crema.backend.cpu.soft;

import java.util.Arrays;

/** 64-bit integers. */
public final class LongVector extends Vector {
    public static final VectorSpecies<Long> SPECIES_128 = new VectorSpecies<>(2);

    final long[] e;

    LongVector(long[] e) {
        this.e = e;
    }

    public static LongVector broadcast(VectorSpecies<Long> species, long value) {
        long[] e = new long[species.lanes];
        Arrays.fill(e, value);
        return new LongVector(e);
    }

    public LongVector withLane(int lane, long value) {
        long[] r = e.clone();
        r[lane] = value;
        return new LongVector(r);
    }

    public ByteVector reinterpretAsBytes() {
        byte[] r = new byte[8 * e.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (byte) (e[i >> 3] >> 8 * (i & 7));
        }
        return new ByteVector(r);
    }
}
