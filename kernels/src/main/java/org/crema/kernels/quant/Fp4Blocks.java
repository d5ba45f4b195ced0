package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * Four-bit floats E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives. {@link Codebook#KVALUES_MXFP4} has them doubled, so the
 * scales are halved. Numbers are byte offsets.
 *
 * <pre>
 * MXFP4  0 e u8 │ 1 q: 16 × u8              32 weights  kvalue·2^(e - 128)
 * NVFP4  0 s: 4 × u8 │ 4 q: 32 × u8         64 weights  kvalue·s/2, s an unsigned E4M3
 * </pre>
 *
 * Byte j of an MXFP4 block has weight j in its low and weight j + 16 in its high nibble. NVFP4 has four groups of 16 in 8 bytes
 * each, weight j of the group in the low and j + 8 in the high nibble of byte j. MXFP4 is the format of the OCP Microscaling
 * Formats specification 1.0 with its exponent of bias 127.
 */
final class Fp4Blocks {
    private static final byte[] KVALUES = Codebook.KVALUES_MXFP4.bytes();

    private Fp4Blocks() {}

    static void mxfp4(MemorySegment b, long p, float[] w, int i) {
        float d = Math.scalb(1f, u8(b, p) - 128);
        for (int j = 0; j < 16; j++) {
            int q = u8(b, p + 1 + j);
            w[i + j] = KVALUES[q & 15] * d;
            w[i + j + 16] = KVALUES[q >> 4] * d;
        }
    }

    static void nvfp4(MemorySegment b, long p, float[] w, int i) {
        for (int g = 0; g < 4; g++) {
            float d = ue4m3(u8(b, p + g)) * 0.5f;
            for (int j = 0; j < 8; j++) {
                int q = u8(b, p + 4 + 8 * g + j);
                w[i + 16 * g + j] = KVALUES[q & 15] * d;
                w[i + 16 * g + j + 8] = KVALUES[q >> 4] * d;
            }
        }
    }

    /** 4 bits of exponent with bias 7, 3 of fraction, subnormals; the NaN pattern 0x7f counts as 0, as in GGML. */
    private static float ue4m3(int bits) {
        if (bits == 0x7f) {
            return 0;
        }
        int exponent = bits >> 3 & 15;
        int fraction = bits & 7;
        return exponent == 0 ? Math.scalb((float) fraction, -9) : Math.scalb((float) (8 + fraction), exponent - 10);
    }
}
