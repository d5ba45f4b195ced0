package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.f32;
import static org.crema.kernels.quant.LittleEndian.i8;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * The K-quants: super-blocks of 256 weights whose groups have quantised scales s (and minima m) of their own. Numbers are byte
 * offsets.
 *
 * <pre>
 * Q2_K   0 sc: 16 × u8 │ 16 q: 64 × u8 │ 80 d f16 │ 82 dmin f16                     groups of 16
 * Q3_K   0 hmask: 32 × u8 │ 32 q: 64 × u8 │ 96 sc: 12 × u8 │ 108 d f16              groups of 16
 * Q4_K   0 d f16 │ 2 dmin f16 │ 4 sc: 12 × u8 │ 16 q: 128 × u8                      groups of 32
 * Q5_K   0 d f16 │ 2 dmin f16 │ 4 sc: 12 × u8 │ 16 qh: 32 × u8 │ 48 q: 128 × u8     groups of 32
 * Q6_K   0 ql: 128 × u8 │ 128 qh: 64 × u8 │ 192 sc: 16 × i8 │ 208 d f16             groups of 16
 * Q8_K   0 d f32 │ 4 q: 256 × i8 │ 260 sums: 16 × i16                               one group
 * </pre>
 *
 * <b>Two bits in planes</b> (Q2_K, the low bits of Q3_K, TQ2_0): byte 32n + l has, for j = 0 … 3 from its low bits up, weight
 * 128n + 32j + l.
 *
 * <pre>
 *         bits 7 6   5 4   3 2   1 0
 * byte l       l+96  l+64  l+32  l
 * </pre>
 *
 * <b>Twelve bytes of 6-bit numbers</b> (Q4_K, Q5_K): s and m of groups 0 … 7. A column is a byte, {@code sHi} and {@code mHi} are
 * the upper two bits of groups 4 … 7.
 *
 * <pre>
 *           byte 0 … 3        byte 4 … 7        byte 8 … 11
 * bits 7 6  sHi of 4 … 7      mHi of 4 … 7      ┐ m of 4 … 7, low 4 bits (7 … 4)
 * bits 5 0  s of 0 … 3        m of 0 … 3        ┘ s of 4 … 7, low 4 bits (3 … 0)
 * </pre>
 */
final class KBlocks {
    private KBlocks() {}

    /** {@code (d·s)·q - dmin·m}; scale byte of group k: s in the low, m in the high nibble. */
    static void q2_K(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p + 80);
        float dmin = f16(b, p + 82);
        for (int k = 0; k < 256; k++) {
            int sc = u8(b, p + k / 16);
            w[i + k] = d * (sc & 15) * twoBits(b, p + 16, k) - dmin * (sc >> 4);
        }
    }

    /**
     * {@code (d·(s - 32))·(q - (h ? 0 : 4))}; h of weight 128n + 32j + l is bit 4n + j of hmask[l]. The 6-bit s of group g has its
     * low 4 bits in nibble order of the first 8 scale bytes (low nibbles first, then the high ones) and its upper 2 in bits
     * 2(g/4) of byte 8 + g%4.
     */
    static void q3_K(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p + 108);
        for (int k = 0; k < 256; k++) {
            int g = k / 16;
            int low = u8(b, p + 96 + g % 8) >> (4 * (g / 8)) & 15;
            int high = u8(b, p + 104 + g % 4) >> (2 * (g / 4)) & 3;
            boolean h = (u8(b, p + k % 32) >> (k / 32) & 1) != 0;
            w[i + k] = d * ((low | high << 4) - 32) * (twoBits(b, p + 32, k) - (h ? 0 : 4));
        }
    }

    /** {@code (d·s)·q - dmin·m}; byte 32g + l has weight 64g + l in its low and weight 64g + 32 + l in its high nibble. */
    static void q4_K(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        float dmin = f16(b, p + 2);
        for (int g = 0; g < 8; g++) {
            float s = d * scale6(b, p + 4, g);
            float m = dmin * min6(b, p + 4, g);
            for (int l = 0; l < 32; l++) {
                int q = u8(b, p + 16 + g / 2 * 32 + l) >> (4 * (g & 1)) & 15;
                w[i + 32 * g + l] = s * q - m;
            }
        }
    }

    /** As Q4_K, with the fifth bit of weight l of group g in bit g of qh[l]. */
    static void q5_K(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p);
        float dmin = f16(b, p + 2);
        for (int g = 0; g < 8; g++) {
            float s = d * scale6(b, p + 4, g);
            float m = dmin * min6(b, p + 4, g);
            for (int l = 0; l < 32; l++) {
                int low = u8(b, p + 48 + g / 2 * 32 + l) >> (4 * (g & 1)) & 15;
                int high = u8(b, p + 16 + l) >> g & 1;
                w[i + 32 * g + l] = s * (low | high << 4) - m;
            }
        }
    }

    /**
     * {@code (d·s)·(q - 32)}; weight 128n + 32j + l has its low 4 bits in the low (j &lt; 2) or high (j ≥ 2) nibble of
     * ql[64n + 32(j&amp;1) + l] and its upper 2 in bits 2j of qh[32n + l].
     */
    static void q6_K(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p + 208);
        for (int k = 0; k < 256; k++) {
            int n = k / 128;
            int j = k / 32 % 4;
            int l = k % 32;
            int low = u8(b, p + 64 * n + 32 * (j & 1) + l) >> (4 * (j >> 1)) & 15;
            int high = twoBits(b, p + 128, k);
            w[i + k] = d * i8(b, p + 192 + k / 16) * ((low | high << 4) - 32);
        }
    }

    /** {@code d·q}; an activation format. The sums of 16 values each save dot products with minima a sum. */
    static void q8_K(MemorySegment b, long p, float[] w, int i) {
        float d = f32(b, p);
        for (int k = 0; k < 256; k++) {
            w[i + k] = d * i8(b, p + 4 + k);
        }
    }

    /** The two bits of weight k of 256 that lie in planes from byte {@code p} on. */
    static int twoBits(MemorySegment b, long p, int k) {
        return u8(b, p + k / 128 * 32 + k % 32) >> (2 * (k / 32 % 4)) & 3;
    }

    private static int scale6(MemorySegment b, long p, int g) {
        return g < 4 ? u8(b, p + g) & 63 : (u8(b, p + g + 4) & 15) | (u8(b, p + g - 4) >> 6) << 4;
    }

    private static int min6(MemorySegment b, long p, int g) {
        return g < 4 ? u8(b, p + g + 4) & 63 : (u8(b, p + g + 4) >> 4) | (u8(b, p + g) >> 6) << 4;
    }
}
