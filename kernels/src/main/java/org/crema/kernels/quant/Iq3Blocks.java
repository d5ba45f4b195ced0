package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.i32;
import static org.crema.kernels.quant.LittleEndian.nibble;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * Three-bit I-quants: super-blocks of 256 weights in which every 4 weights are a point of a grid of magnitudes, with signs. Numbers
 * are byte offsets; a group is 32 weights.
 *
 * <pre>
 * IQ3_XXS  0 d f16 │ 2 q: 64 × u8 │ 66 b: 8 × u32                                       (d·(0.5 + s))·0.5·magnitude
 * IQ3_S    0 d f16 │ 2 q: 64 × u8 │ 66 qh: 8 × u8 │ 74 signs: 32 × u8 │ 106 sc: 4 × u8   (d·(1 + 2s))·magnitude
 *
 * IQ3_XXS  b of a group: │ s: 31 … 28 │ sign index 3: 27 … 21 │ 2: 20 … 14 │ 1: 13 … 7 │ 0: 6 … 0 │, an index for each 8 weights
 * IQ3_S    grid index of weights 4k … 4k + 3 of group g: q[8g + k] with bit k of qh[g] above it;
 *          a sign byte for each 8 weights; s of group g is nibble g of sc
 * </pre>
 *
 * A sign index is looked up in {@link Codebook#KSIGNS_IQ2XS}.
 */
final class Iq3Blocks {
    private static final byte[] XXS_GRID = Codebook.IQ3XXS_GRID.bytes();
    private static final byte[] S_GRID = Codebook.IQ3S_GRID.bytes();
    private static final byte[] KSIGNS = Codebook.KSIGNS_IQ2XS.bytes();

    private Iq3Blocks() {}

    static void iq3_xxs(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int k = 0; k < 64; k++) {
            int signs = i32(b, p + 66 + 4 * (k / 8));
            float s = d * (0.5f + (signs >>> 28)) * 0.5f;
            int eight = KSIGNS[signs >>> (7 * (k / 2 % 4)) & 127];
            four(XXS_GRID, u8(b, p + 2 + k), eight >> (4 * (k & 1)), s, w, i + 4 * k);
        }
    }

    static void iq3_s(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int k = 0; k < 64; k++) {
            int g = k / 8;
            int point = u8(b, p + 2 + k) | (u8(b, p + 66 + g) >> (k % 8) & 1) << 8;
            float s = d * (1 + 2 * nibble(b, p + 106, g));
            four(S_GRID, point, nibble(b, p + 74, k), s, w, i + 4 * k);
        }
    }

    private static void four(byte[] grid, int point, int signs, float s, float[] w, int i) {
        for (int j = 0; j < 4; j++) {
            float magnitude = s * grid[4 * point + j];
            w[i + j] = (signs >> j & 1) != 0 ? -magnitude : magnitude;
        }
    }
}
