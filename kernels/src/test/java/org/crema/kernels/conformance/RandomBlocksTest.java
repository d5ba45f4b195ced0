package org.crema.kernels.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomBlocksTest {
    private static final long SEED = 20;

    @ParameterizedTest
    @EnumSource
    void weightsAreFiniteAndHaveTheWantedSpread(QuantType type) {
        for (double std : new double[] {0.01, 1 / Math.sqrt(1408), 1, 30}) {
            float[] weights = weights(type, std);
            double sum = 0;
            double power = 0;
            for (float w : weights) {
                assertTrue(Float.isFinite(w), "weight " + w);
                sum += w;
                power += (double) w * w;
            }
            double rms = Math.sqrt(power / weights.length);
            assertTrue(rms > std / 1.5 && rms < std * 1.5, "spread " + rms + ", wanted " + std);
            double mean = sum / weights.length;
            assertTrue(Math.abs(mean) < 0.1 * std, "mean " + mean + " at spread " + std);
        }
    }

    /** Each byte outside the scales takes (nearly) all of its values: 4096 draws miss one of 256 with probability 1e-7. */
    @ParameterizedTest
    @EnumSource
    void theCodesTakeAllBitPatterns(QuantType type) {
        int blocks = 4096;
        byte[] bytes = RandomBlocks.of(type, blocks, 1, new SplittableRandom(SEED));
        int full = 0;
        for (int p = 0; p < type.blockBytes(); p++) {
            boolean[] seen = new boolean[256];
            int count = 0;
            for (int n = 0; n < blocks; n++) {
                int value = bytes[n * type.blockBytes() + p] & 0xff;
                count += seen[value] ? 0 : 1;
                seen[value] = true;
            }
            full += count == 256 ? 1 : 0;
        }
        // All bytes but the scales: at most 4 for scales, 8 of IQ1_M (half a byte each), 32 + 4 of Q8_K with its sums.
        int scaleBytes = switch (type) {
            case F32, F16, BF16 -> type.blockBytes();
            case IQ1_M -> 8;
            case Q8_K -> 36;
            default -> 4;
        };
        assertTrue(full >= type.blockBytes() - scaleBytes, full + " of " + type.blockBytes() + " bytes take all values");
    }

    @Test
    void theSameSeedGivesTheSameBlocks() {
        byte[] one = RandomBlocks.of(QuantType.Q4_K, 5, 1, new SplittableRandom(SEED));
        assertArrayEquals(one, RandomBlocks.of(QuantType.Q4_K, 5, 1, new SplittableRandom(SEED)));
        assertFalse(Arrays.equals(one, RandomBlocks.of(QuantType.Q4_K, 5, 1, new SplittableRandom(SEED + 1))));
    }

    @Test
    void onlyTheGivenRangeIsWritten() {
        byte[] bytes = new byte[3 * 18 + 2];
        RandomBlocks.fill(QuantType.Q4_0, MemorySegment.ofArray(bytes), 1, 3, 1, new SplittableRandom(SEED));
        assertEquals(0, bytes[0]);
        assertEquals(0, bytes[bytes.length - 1]);
        assertThrows(IndexOutOfBoundsException.class, () -> RandomBlocks.fill(QuantType.Q4_0, MemorySegment.ofArray(bytes), 3, 3,
                1, new SplittableRandom(SEED)));
    }

    @Test
    void aSpreadOutOfRangeIsRefused() {
        for (double std : new double[] {0, -1, 1e-4, 1e4, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class,
                    () -> RandomBlocks.of(QuantType.Q4_0, 1, std, new SplittableRandom(SEED)));
        }
    }

    private static float[] weights(QuantType type, double std) {
        int blocks = Math.max(256, 8192 / type.blockSize());
        byte[] bytes = RandomBlocks.of(type, blocks, std, new SplittableRandom(SEED));
        float[] weights = new float[blocks * type.blockSize()];
        type.codec().decode(MemorySegment.ofArray(bytes), 0, weights, 0, weights.length);
        return weights;
    }
}
