package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.f16;
import static org.crema.kernels.quant.LittleEndian.u8;

import java.lang.foreign.MemorySegment;

/**
 * The ternary formats: blocks of 256 weights that are -d, 0 or d. Numbers are byte offsets.
 *
 * <pre>
 * TQ1_0  0 q: 48 × u8 │ 48 qh: 4 × u8 │ 52 d f16     base-3 digits: five a byte in q, four a byte in qh
 * TQ2_0  0 q: 64 × u8 │ 64 d f16                     two bits in planes, see {@link KBlocks}
 * </pre>
 *
 * A byte of TQ1_0 is a fraction of 256: multiplying it by 3 carries its first digit out of the top. So digit n is
 * {@code ((byte·3ⁿ mod 256)·3) >> 8}. Digit n of byte m stands for weight
 *
 * <pre>
 * 32n + m               m = 0 … 31    weights   0 … 159
 * 160 + 16n + (m - 32)  m = 32 … 47   weights 160 … 239
 * 240 + 4n + (m - 48)   m = 48 … 51   weights 240 … 255
 * </pre>
 */
final class TernaryBlocks {
    private TernaryBlocks() {}

    static void tq1_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p + 52);
        digits(b, p, 32, 5, d, w, i);
        digits(b, p + 32, 16, 5, d, w, i + 160);
        digits(b, p + 48, 4, 4, d, w, i + 240);
    }

    private static void digits(MemorySegment b, long p, int bytes, int digits, float d, float[] w, int i) {
        for (int m = 0; m < bytes; m++) {
            int rest = u8(b, p + m);
            for (int n = 0; n < digits; n++) {
                w[i + bytes * n + m] = (((rest * 3) >> 8) - 1) * d;
                rest = (rest * 3) & 0xff;
            }
        }
    }

    static void tq2_0(MemorySegment b, long p, float[] w, int i) {
        float d = f16(b, p + 64);
        for (int k = 0; k < 256; k++) {
            w[i + k] = (KBlocks.twoBits(b, p, k) - 1) * d;
        }
    }
}
