package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;

/**
 * Formats without blocks: one number after the other.
 *
 * <pre>
 * F32   IEEE 754 binary32         1 sign · 8 exponent · 23 fraction
 * F16   IEEE 754 binary16         1 sign · 5 exponent · 10 fraction
 * BF16  upper half of a binary32  1 sign · 8 exponent · 7 fraction
 * </pre>
 */
final class PlainBlocks {
    private PlainBlocks() {}

    static void f32(MemorySegment b, long p, float[] w, int i) {
        w[i] = LittleEndian.f32(b, p);
    }

    static void f16(MemorySegment b, long p, float[] w, int i) {
        w[i] = LittleEndian.f16(b, p);
    }

    static void bf16(MemorySegment b, long p, float[] w, int i) {
        w[i] = BFloat16.toFloat((short) LittleEndian.u16(b, p));
    }
}
