package org.crema.kernels.quant;

import static org.crema.kernels.quant.LittleEndian.putF16;
import static org.crema.kernels.quant.LittleEndian.putF32;
import static org.crema.kernels.quant.LittleEndian.putI16;
import static org.crema.kernels.quant.LittleEndian.putI8;

import java.lang.foreign.MemorySegment;

/**
 * The formats that activations (and KV caches) are rounded to where speed is worth it, with GGML's reference rounding, byte for
 * byte.
 *
 * <p>A value that is not finite makes its whole block decode to NaN (in F16 and BF16 only itself), so it stays visible; it is
 * never turned into a number. A block of Q8_0 or Q8_1 whose scale is beyond the halves (values above 8 million) decodes to infinities
 * or NaN.
 */
public enum ActivationFormat {
    /** Nearest half, ties to even; too large becomes infinite. */
    F16(QuantType.F16, ActivationFormat::f16),
    /** Nearest bfloat16, ties to even. */
    BF16(QuantType.BF16, ActivationFormat::bf16),
    /** {@code d = max|x|/127}, codes rounded half away from zero. The partner of the formats without minima in blocks of 32. */
    Q8_0(QuantType.Q8_0, ActivationFormat::q8_0),
    /** As Q8_0, with the sum {@code d·Σq} beside it for formats that have minima: Q4_1, Q5_1. Layout: f16 d, f16 s, 32 × i8. */
    Q8_1(32, 36, new BlockCodec("Q8_1", 32, 36, LegacyBlocks::q8_1), ActivationFormat::q8_1),
    /** {@code d = x/-127} for the x of largest magnitude, codes rounded half to even; with sums of 16. The partner of K- and I-quants. */
    Q8_K(QuantType.Q8_K, ActivationFormat::q8_K);

    /** Encodes one block of values from {@code x[i]} to byte {@code p} of {@code b}. */
    @FunctionalInterface
    private interface BlockEncoder {
        void encode(float[] x, int i, MemorySegment b, long p);
    }

    private final int blockSize;
    private final int blockBytes;
    @SuppressWarnings("ImmutableEnumChecker") // codecs have no state
    private final Codec codec;
    @SuppressWarnings("ImmutableEnumChecker") // encoders are static methods
    private final BlockEncoder encoder;

    ActivationFormat(QuantType type, BlockEncoder encoder) {
        this(type.blockSize(), type.blockBytes(), type.codec(), encoder);
    }

    ActivationFormat(int blockSize, int blockBytes, Codec codec, BlockEncoder encoder) {
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
        this.codec = codec;
        this.encoder = encoder;
    }

    /** Values per block. */
    public int blockSize() {
        return blockSize;
    }

    /** Bytes per block. */
    public int blockBytes() {
        return blockBytes;
    }

    /** Turns blocks back to floats. */
    public Codec codec() {
        return codec;
    }

    /**
     * Encodes {@code count} values of {@code src} from index {@code at} on as blocks of {@code dst} from byte {@code offset} on.
     *
     * @throws IllegalArgumentException if {@code count} is negative or not a multiple of the block size
     * @throws IndexOutOfBoundsException if the values or the blocks lie outside {@code src} or {@code dst}
     */
    public void quantize(float[] src, int at, int count, MemorySegment dst, long offset) {
        BlockCodec.checkRanges(name(), blockSize, blockBytes, dst, offset, src.length, at, count);
        int end = at + count;
        long p = offset;
        for (int i = at; i < end; i += blockSize) {
            encoder.encode(src, i, dst, p);
            p += blockBytes;
        }
    }

    private static void f16(float[] x, int i, MemorySegment b, long p) {
        putF16(b, p, x[i]);
    }

    private static void bf16(float[] x, int i, MemorySegment b, long p) {
        putI16(b, p, BFloat16.ofFloat(x[i]));
    }

    private static void q8_0(float[] x, int i, MemorySegment b, long p) {
        float d = largest(x, i) / 127;
        putF16(b, p, d);
        codes(x, i, d, b, p + 2);
    }

    private static void q8_1(float[] x, int i, MemorySegment b, long p) {
        float d = largest(x, i) / 127;
        putF16(b, p, d);
        putF16(b, p + 2, codes(x, i, d, b, p + 4) * d);
    }

    /** The largest magnitude of 32; NaN if any value is. */
    private static float largest(float[] x, int i) {
        float largest = 0;
        for (int j = 0; j < 32; j++) {
            largest = Math.max(largest, Math.abs(x[i + j]));
        }
        return largest;
    }

    /** Writes 32 codes and returns their sum. */
    private static int codes(float[] x, int i, float d, MemorySegment b, long p) {
        float inverse = d == 0 ? 0 : 1 / d;
        int sum = 0;
        for (int j = 0; j < 32; j++) {
            int q = halfAwayFromZero(x[i + j] * inverse);
            putI8(b, p + j, q);
            sum += q;
        }
        return sum;
    }

    /** Clamped, for where d is so small that its inverse overflows. */
    private static int halfAwayFromZero(float v) {
        int q = (int) (Math.min(Math.abs((double) v), 127) + 0.5);
        return v < 0 ? -q : q;
    }

    private static void q8_K(float[] x, int i, MemorySegment b, long p) {
        float max = 0;
        float magnitude = 0;
        for (int k = 0; k < 256; k++) {
            float a = Math.abs(x[i + k]);
            if (a > magnitude || Float.isNaN(a)) {
                magnitude = a;
                max = x[i + k];
            }
        }
        float inverse = max == 0 ? 0 : -127 / max;
        putF32(b, p, max == 0 ? 0 : 1 / inverse);
        for (int g = 0; g < 16; g++) {
            int sum = 0;
            for (int j = 16 * g; j < 16 * g + 16; j++) {
                int q = (int) Math.clamp(Math.rint(inverse * x[i + j]), -128, 127);
                putI8(b, p + 4 + j, q);
                sum += q;
            }
            putI16(b, p + 260 + 2 * g, sum);
        }
    }
}
