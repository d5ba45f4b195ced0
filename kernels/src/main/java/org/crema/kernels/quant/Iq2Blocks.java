package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.i32;
import static org.crema.kernels.quant.LittleEndian.nibble;
import static org.crema.kernels.quant.LittleEndian.u16;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * Two-bit I-quants: super-blocks of 256 weights in which every 8 weights are a point of a grid of magnitudes, with signs. Numbers
 * are byte offsets.
 *
 * <pre>
 * IQ2_XXS  0 d f16 │ 2 group: 8 × (a u32, b u32)                                    scales per 32 weights
 * IQ2_XS   0 d f16 │ 2 q: 32 × u16 │ 66 sc: 8 × u8                                  scales per 16 weights
 * IQ2_S    0 d f16 │ 2 q: 32 × u8 │ 34 signs: 32 × u8 │ 66 qh: 8 × u8 │ 74 sc: 8 × u8   per 16 weights
 *
 * IQ2_XXS  a: four bytes, byte l is the grid index of weights 8l … 8l + 7 of the group
 *          b: │ s: 31 … 28 │ sign index 3: 27 … 21 │ 2: 20 … 14 │ 1: 13 … 7 │ 0: 6 … 0 │
 * IQ2_XS   q: │ sign index: 15 … 9 │ grid index: 8 … 0 │
 * IQ2_S    grid index of 8 weights l of group g (of 32): q[4g + l] with bits 2l of qh[g] above it
 * </pre>
 *
 * A weight is {@code (d·(0.5 + s))·0.25·magnitude} with its sign; s is 4 bits wide, nibble k of sc belongs to weights 16k … 16k + 15.
 * A sign index is looked up in {@link Codebook#KSIGNS_IQ2XS}; IQ2_S has the sign bits themselves.
 */
final class Iq2Blocks {
    private static final byte[] XXS_GRID = Codebook.IQ2XXS_GRID.bytes();
    private static final byte[] XS_GRID = Codebook.IQ2XS_GRID.bytes();
    private static final byte[] S_GRID = Codebook.IQ2S_GRID.bytes();
    private static final byte[] KSIGNS = Codebook.KSIGNS_IQ2XS.bytes();

    private Iq2Blocks() {}

    static void iq2_xxs(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int g = 0; g < 8; g++) {
            long group = p + 2 + 8 * g;
            int signs = i32(b, group + 4);
            float s = scale(d, signs >>> 28);
            for (int l = 0; l < 4; l++) {
                eight(XXS_GRID, u8(b, group + l), KSIGNS[signs >>> (7 * l) & 127], s, w, i + 32 * g + 8 * l);
            }
        }
    }

    static void iq2_xs(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int k = 0; k < 32; k++) {
            int q = u16(b, p + 2 + 2 * k);
            eight(XS_GRID, q & 511, KSIGNS[q >> 9], scale(d, nibble(b, p + 66, k / 2)), w, i + 8 * k);
        }
    }

    static void iq2_s(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int k = 0; k < 32; k++) {
            int point = u8(b, p + 2 + k) | (u8(b, p + 66 + k / 4) >> (2 * (k % 4)) & 3) << 8;
            eight(S_GRID, point, u8(b, p + 34 + k), scale(d, nibble(b, p + 74, k / 2)), w, i + 8 * k);
        }
    }

    private static float scale(float d, int s) {
        return d * (0.5f + s) * 0.25f;
    }

    private static void eight(byte[] grid, int point, int signs, float s, float[] w, int i) {
        for (int j = 0; j < 8; j++) {
            float magnitude = s * grid[8 * point + j];
            w[i + j] = (signs >> j & 1) != 0 ? -magnitude : magnitude;
        }
    }
}
