package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.nibble;
import static org.crema.kernels.quant.LittleEndian.u16;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * Four-bit I-quants: each nibble picks one of the 16 uneven levels of {@link Codebook#KVALUES_IQ4NL}. Numbers are byte offsets.
 *
 * <pre>
 * IQ4_NL  0 d f16 │ 2 q: 16 × u8                                        32 weights   d·level
 * IQ4_XS  0 d f16 │ 2 sHigh u16 │ 4 sLow: 4 × u8 │ 8 q: 128 × u8        256 weights  (d·(s - 32))·level
 * </pre>
 *
 * Each 32 weights take 16 bytes: weight j in the low, weight j + 16 in the high nibble of byte j. The 6-bit scale s of group g of
 * IQ4_XS is nibble g of sLow with bits 2g of sHigh above it.
 */
final class Iq4Blocks {
    private static final byte[] KVALUES = Codebook.KVALUES_IQ4NL.bytes();

    private Iq4Blocks() {}

    static void iq4_nl(MemorySegment b, long p, float[] w, int i) {
        levels(b, p + 2, f16(b, p), w, i);
    }

    static void iq4_xs(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        int high = u16(b, p + 2);
        for (int g = 0; g < 8; g++) {
            int s = nibble(b, p + 4, g) | (high >> (2 * g) & 3) << 4;
            levels(b, p + 8 + 16 * g, d * (s - 32), w, i + 32 * g);
        }
    }

    private static void levels(MemorySegment b, long p, float d, float[] w, int i) {
        for (int j = 0; j < 16; j++) {
            int q = u8(b, p + j);
            w[i + j] = d * KVALUES[q & 15];
            w[i + j + 16] = d * KVALUES[q >> 4];
        }
    }
}
