package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.nibble;
import static org.crema.kernels.quant.LittleEndian.u16;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * One-bit I-quants: super-blocks of 256 weights in which every 8 weights are a point of {@link Codebook#IQ1S_GRID} (values -1, 0, 1)
 * moved by a delta of ±0.125. Numbers are byte offsets.
 *
 * <pre>
 * IQ1_S  0 d f16 │ 2 q: 32 × u8 │ 34 qh: 8 × u16                 scale and delta per 32 weights
 * IQ1_M  0 q: 32 × u8 │ 32 qh: 16 × u8 │ 48 sc: 4 × u16          scale per 16 weights, delta per 8
 *
 * IQ1_S  qh of group g: │ delta negative: 15 │ s: 14 … 12 │ index high bits of l = 3: 11 … 9 │ 2: 8 … 6 │ 1: 5 … 3 │ 0: 2 … 0 │
 *        grid index of the 8 weights l: q[4g + l] with those 3 bits above it
 * IQ1_M  nibble k of qh: │ delta negative: 3 │ index high bits: 2 … 0 │ for the 8 weights k with q[k]
 *        sc[n]: │ nibble n of d: 15 … 12 │ s of 16 weights 4n + 3: 11 … 9 │ 4n + 2: 8 … 6 │ 4n + 1: 5 … 3 │ 4n: 2 … 0 │
 * </pre>
 *
 * A weight is {@code (d·(2s + 1))·(value + delta)}.
 */
final class Iq1Blocks {
    private static final byte[] GRID = Codebook.IQ1S_GRID.bytes();
    private static final float DELTA = 0.125f;

    private Iq1Blocks() {}

    static void iq1_s(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int k = 0; k < 32; k++) {
            int qh = u16(b, p + 34 + 2 * (k / 4));
            int point = u8(b, p + 2 + k) | (qh >> (3 * (k % 4)) & 7) << 8;
            float s = d * (2 * (qh >> 12 & 7) + 1);
            eight(point, (qh >> 15) != 0, s, w, i + 8 * k);
        }
    }

    static void iq1_m(MemorySegment b, long p, float[] w, int i) {
        float d = Float.float16ToFloat((short) (nibble(b, p + 48, 3) | nibble(b, p + 48, 7) << 4 | nibble(b, p + 48, 11) << 8
                | nibble(b, p + 48, 15) << 12));
        for (int k = 0; k < 32; k++) {
            int qh = nibble(b, p + 32, k);
            int point = u8(b, p + k) | (qh & 7) << 8;
            int sixteen = k / 2;
            float s = d * (2 * (u16(b, p + 48 + 2 * (sixteen / 4)) >> (3 * (sixteen % 4)) & 7) + 1);
            eight(point, (qh & 8) != 0, s, w, i + 8 * k);
        }
    }

    private static void eight(int point, boolean negative, float s, float[] w, int i) {
        float delta = negative ? -DELTA : DELTA;
        for (int j = 0; j < 8; j++) {
            w[i + j] = s * (GRID[8 * point + j] + delta);
        }
    }
}
