package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.i32;
import static org.crema.kernels.quant.LittleEndian.i8;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * The formats with one f16 scale d (and in some a minimum m) for a small block. Numbers are byte offsets.
 *
 * <pre>
 * Q4_0   0 d f16 │ 2 q: 16 × u8                              32 weights  (q - 8)·d
 * Q4_1   0 d f16 │ 2 m f16 │ 4 q: 16 × u8                    32 weights  q·d + m
 * Q5_0   0 d f16 │ 2 h u32 │ 6 q: 16 × u8                    32 weights  (q - 16)·d
 * Q5_1   0 d f16 │ 2 m f16 │ 4 h u32 │ 8 q: 16 × u8          32 weights  q·d + m
 * Q8_0   0 d f16 │ 2 q: 32 × i8                              32 weights  q·d
 * Q8_1   0 d f16 │ 2 s f16 │ 4 q: 32 × i8                    32 values   q·d        s = d·Σq
 * Q1_0   0 d f16 │ 2 q: 128 bits                             128 weights d where the bit is set, else -d
 * Q2_0   0 d f16 │ 2 q: 64 × 2 bits                          64 weights  (q - 1)·d
 * </pre>
 *
 * Byte j of a 4-bit or 5-bit block has weight j in its low and weight j + 16 in its high nibble; bit i of h is the fifth bit
 * of weight i. Q1_0 and Q2_0 are in plain order, low bits first. Q8_1 is an activation format: its s saves the dot products
 * with Q4_1 and Q5_1 a sum.
 */
final class LegacyBlocks {
    private LegacyBlocks() {}

    static void q4_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int j = 0; j < 16; j++) {
            int q = u8(b, p + 2 + j);
            w[i + j] = ((q & 15) - 8) * d;
            w[i + j + 16] = ((q >> 4) - 8) * d;
        }
    }

    static void q4_1(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        float m = f16(b, p + 2);
        for (int j = 0; j < 16; j++) {
            int q = u8(b, p + 4 + j);
            w[i + j] = (q & 15) * d + m;
            w[i + j + 16] = (q >> 4) * d + m;
        }
    }

    static void q5_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        int h = i32(b, p + 2);
        for (int j = 0; j < 16; j++) {
            int q = u8(b, p + 6 + j);
            w[i + j] = (((q & 15) | (h >>> j & 1) << 4) - 16) * d;
            w[i + j + 16] = (((q >> 4) | (h >>> (j + 16) & 1) << 4) - 16) * d;
        }
    }

    static void q5_1(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        float m = f16(b, p + 2);
        int h = i32(b, p + 4);
        for (int j = 0; j < 16; j++) {
            int q = u8(b, p + 8 + j);
            w[i + j] = ((q & 15) | (h >>> j & 1) << 4) * d + m;
            w[i + j + 16] = ((q >> 4) | (h >>> (j + 16) & 1) << 4) * d + m;
        }
    }

    static void q8_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int j = 0; j < 32; j++) {
            w[i + j] = i8(b, p + 2 + j) * d;
        }
    }

    static void q8_1(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int j = 0; j < 32; j++) {
            w[i + j] = i8(b, p + 4 + j) * d;
        }
    }

    static void q1_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int j = 0; j < 128; j++) {
            boolean set = (u8(b, p + 2 + j / 8) >> (j % 8) & 1) != 0;
            w[i + j] = set ? d : -d;
        }
    }

    static void q2_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        for (int j = 0; j < 64; j++) {
            int q = u8(b, p + 2 + j / 4) >> (2 * (j % 4)) & 3;
            w[i + j] = (q - 1) * d;
        }
    }
}
