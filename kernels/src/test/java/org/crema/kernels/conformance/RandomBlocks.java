package org.crema.kernels.conformance;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;
import org.crema.kernels.quant.BFloat16;
import org.crema.kernels.quant.QuantType;

/**
 * Random weights of any type for tests: every bit that is no part of a block's outer scale is random, so bit patterns turn up that
 * no quantiser writes, and the outer scale is chosen so that the weights are finite, of about zero mean and of about the wanted
 * spread. Scales are negative as often as positive and vary from block to block.
 */
public final class RandomBlocks {
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final double SMALLEST_STD = 1e-3;
    private static final double LARGEST_STD = 1e3;
    private static final int DIFFERENT = 4099;

    private static final Map<QuantType, Double> UNIT_RMS = new ConcurrentHashMap<>();

    private RandomBlocks() {}

    /** As {@link #fill}, in a new array. */
    public static byte[] of(QuantType type, int blocks, double std, RandomGenerator random) {
        byte[] bytes = new byte[Math.multiplyExact(blocks, type.blockBytes())];
        fill(type, MemorySegment.ofArray(bytes), 0, blocks, std, random);
        return bytes;
    }

    /**
     * Writes random blocks.
     *
     * @param dst receives {@code blocks × type.blockBytes()} bytes from byte {@code offset} on
     * @param std the standard deviation that the weights shall have, 0.001 to 1000; for a row that is to keep the size of its
     *        input about {@code 1/√columns}. It is met within a factor of 1.5, by NVFP4 only down to 0.01: its scales have a smallest
     *        value
     * @throws IllegalArgumentException if {@code std} is out of range
     */
    public static void fill(QuantType type, MemorySegment dst, long offset, long blocks, double std, RandomGenerator random) {
        if (!(std >= SMALLEST_STD && std <= LARGEST_STD)) {
            throw new IllegalArgumentException(
                    "a standard deviation from " + SMALLEST_STD + " to " + LARGEST_STD + " is needed, not " + std);
        }
        double scale = std / UNIT_RMS.computeIfAbsent(type, RandomBlocks::unitRms);
        write(type, dst, offset, blocks, scale, random);
    }

    /**
     * As {@link #fill}, for matrices of gigabytes: the first {@value #DIFFERENT} blocks are random, the others repeat them. That is a
     * prime number, so no two rows of a matrix begin alike.
     */
    public static void fillLarge(QuantType type, MemorySegment dst, long offset, long blocks, double std,
            RandomGenerator random) {
        long made = Math.min(DIFFERENT, blocks) * type.blockBytes();
        fill(type, dst, offset, made / type.blockBytes(), std, random);
        long end = offset + blocks * type.blockBytes();
        for (long at = offset + made; at < end; at += made) {
            MemorySegment.copy(dst, offset, dst, at, Math.min(made, end - at));
        }
    }

    /** The root mean square of the weights where the outer scale is 1. */
    private static double unitRms(QuantType type) {
        int blocks = Math.max(64, 4096 / type.blockSize());
        byte[] bytes = new byte[blocks * type.blockBytes()];
        write(type, MemorySegment.ofArray(bytes), 0, blocks, 1, new SplittableRandom(1));
        float[] weights = new float[blocks * type.blockSize()];
        type.codec().decode(MemorySegment.ofArray(bytes), 0, weights, 0, weights.length);
        double power = 0;
        for (float w : weights) {
            power += (double) w * w;
        }
        return Math.sqrt(power / weights.length);
    }

    private static void write(QuantType type, MemorySegment dst, long offset, long blocks, double scale, RandomGenerator random) {
        byte[] bytes = new byte[type.blockBytes()];
        MemorySegment block = MemorySegment.ofArray(bytes);
        for (long n = 0; n < blocks; n++) {
            random.nextBytes(bytes);
            double d = scale * (0.5 + random.nextDouble()) * (random.nextBoolean() ? 1 : -1);
            putScale(type, block, (float) d, random);
            MemorySegment.copy(block, 0, dst, offset + n * bytes.length, bytes.length);
        }
    }

    /** Gives a block the outer scale {@code d}, and where it has minima those that make the mean weight zero. */
    private static void putScale(QuantType type, MemorySegment b, float d, RandomGenerator random) {
        switch (type) {
            case F32 -> b.set(F32, 0, (float) (d * random.nextGaussian()));
            case F16 -> putF16(b, 0, (float) (d * random.nextGaussian()));
            case BF16 -> b.set(I16, 0, BFloat16.ofFloat((float) (d * random.nextGaussian())));
            case Q4_0, Q5_0, Q8_0, Q1_0, Q2_0, IQ1_S, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, IQ4_NL, IQ4_XS -> putF16(b, 0, d);
            case Q4_1 -> {
                putF16(b, 0, d);
                putF16(b, 2, -7.5f * d);
            }
            case Q5_1 -> {
                putF16(b, 0, d);
                putF16(b, 2, -15.5f * d);
            }
            case Q2_K -> {
                putF16(b, 80, d);
                putF16(b, 82, 1.5f * d);
            }
            case Q3_K -> putF16(b, 108, d);
            case Q4_K -> {
                putF16(b, 0, d);
                putF16(b, 2, 7.5f * d);
            }
            case Q5_K -> {
                putF16(b, 0, d);
                putF16(b, 2, 15.5f * d);
            }
            case Q6_K -> putF16(b, 208, d);
            case Q8_K -> {
                b.set(F32, 0, d);
                putSums(b);
            }
            case IQ1_M -> putTopNibbles(b, 48, Float.floatToFloat16(d));
            case TQ1_0 -> putF16(b, 52, d);
            case TQ2_0 -> putF16(b, 64, d);
            case MXFP4 -> b.set(ValueLayout.JAVA_BYTE, 0, (byte) (128 + Math.round(Math.log(Math.abs(d)) / Math.log(2))));
            case NVFP4 -> {
                for (int g = 0; g < 4; g++) {
                    // Each group another, or a mix-up of groups would not show.
                    b.set(ValueLayout.JAVA_BYTE, g, ue4m3((float) (2 * Math.abs(d) * (0.5 + random.nextDouble()))));
                }
            }
        }
    }

    private static void putF16(MemorySegment b, long p, float value) {
        b.set(I16, p, Float.floatToFloat16(value));
    }

    /** Q8_K has the sums of 16 values each; a kernel may use them, so they have to be right. */
    private static void putSums(MemorySegment b) {
        for (int g = 0; g < 16; g++) {
            int sum = 0;
            for (int j = 0; j < 16; j++) {
                sum += b.get(ValueLayout.JAVA_BYTE, 4 + 16 * g + j);
            }
            b.set(I16, 260 + 2 * g, (short) sum);
        }
    }

    /** IQ1_M spreads its scale over the top nibbles of four 16-bit numbers, lowest nibble first. */
    private static void putTopNibbles(MemorySegment b, long p, short bits) {
        for (int n = 0; n < 4; n++) {
            int rest = b.get(I16, p + 2 * n) & 0x0fff;
            b.set(I16, p + 2 * n, (short) (rest | (bits >> (4 * n) & 15) << 12));
        }
    }

    /** An unsigned E4M3 near a value above 0, never 0 and never above 448. */
    private static byte ue4m3(float value) {
        int exponent = Math.max(Math.getExponent(value), -6);
        int fraction = Math.round(Math.scalb(value, 3 - exponent));
        // Below the normal numbers the fraction has no leading one; a fraction of 16 carries into the exponent.
        int code = (exponent + 6) * 8 + fraction;
        return (byte) Math.clamp(code, 1, 0x7e);
    }
}
