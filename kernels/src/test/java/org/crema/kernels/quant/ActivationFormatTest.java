package org.crema.kernels.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import org.crema.kernels.conformance.OracleData;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class ActivationFormatTest {
    @ParameterizedTest
    @EnumSource
    void blocksAreThoseOfGgmlByteForByte(ActivationFormat format) {
        String name = format == ActivationFormat.Q8_K ? "q8_K" : format.name().toLowerCase(Locale.ROOT);
        assertArrayEquals(OracleData.bytes("quant/x." + name + ".blocks"), quantize(format, OracleData.f32("quant/x.f32")));
    }

    /** Half a step of the codes, and the rounding of the scale to a half. */
    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q8_1", "Q8_K"})
    void theErrorIsAtMostHalfAStep(ActivationFormat format) {
        float[] x = OracleData.f32("quant/x.f32");
        float[] decoded = decode(format, quantize(format, x));
        for (int i = 0; i < x.length; i++) {
            int block = i / format.blockSize() * format.blockSize();
            float largest = 0;
            for (int j = block; j < block + format.blockSize(); j++) {
                largest = Math.max(largest, Math.abs(x[j]));
            }
            assertEquals(x[i], decoded[i], largest * (0.5f / 127 + 0x1p-11f), "value " + i);
        }
    }

    @ParameterizedTest
    @EnumSource
    void zerosAreZeroBytes(ActivationFormat format) {
        byte[] blocks = quantize(format, new float[256]);
        assertArrayEquals(new byte[blocks.length], blocks);
    }

    @Test
    void q8_0RoundsHalvesAwayFromZero() {
        float[] x = new float[32];
        x[0] = 127;
        x[1] = 2.5f;
        x[2] = -2.5f;
        x[3] = 0.49999997f;
        byte[] block = quantize(ActivationFormat.Q8_0, x);
        assertArrayEquals(new byte[] {127, 3, -3, 0}, Arrays.copyOfRange(block, 2, 6));
    }

    @Test
    void q8_KRoundsHalvesToEvenAndItsScaleHasTheSignOfTheLargest() {
        float[] x = new float[256];
        x[0] = 127;
        x[1] = 2.5f;
        x[2] = -3.5f;
        x[20] = 1;
        byte[] block = quantize(ActivationFormat.Q8_K, x);
        MemorySegment b = MemorySegment.ofArray(block);
        assertEquals(-1f, LittleEndian.f32(b, 0));
        assertArrayEquals(new byte[] {-127, -2, 4}, Arrays.copyOfRange(block, 4, 7));
        assertEquals(-125, (short) LittleEndian.u16(b, 260));
        assertEquals(-1, (short) LittleEndian.u16(b, 262));
    }

    @Test
    void q8_1HasTheSum() {
        float[] x = new float[32];
        Arrays.fill(x, 0.5f);
        MemorySegment b = MemorySegment.ofArray(quantize(ActivationFormat.Q8_1, x));
        assertEquals(16f, LittleEndian.f16(b, 2), 0.01f);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q8_1", "Q8_K"})
    void aValueThatIsNotFiniteStaysVisibleInItsBlockOnly(ActivationFormat format) {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (int at : new int[] {0, 5, format.blockSize() - 1}) {
                float[] x = new float[2 * format.blockSize()];
                Arrays.fill(x, 1);
                x[at] = bad;
                float[] decoded = decode(format, quantize(format, x));
                for (int i = 0; i < x.length; i++) {
                    assertEquals(i < format.blockSize(), Float.isNaN(decoded[i]), bad + " at " + at + ": value " + i);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = {"F16"})
    void theSmallestNumbersDecodeToNearlyNothing(ActivationFormat format) {
        float[] x = new float[256];
        Arrays.fill(x, Float.MIN_VALUE);
        x[3] = -Float.MIN_NORMAL / 1000;
        for (float v : decode(format, quantize(format, x))) {
            assertTrue(Math.abs(v) <= Float.MIN_NORMAL, "decoded " + v);
        }
    }

    @ParameterizedTest
    @EnumSource
    void onlyTheGivenRangesAreTouched(ActivationFormat format) {
        SplittableRandom random = new SplittableRandom(3);
        int count = 256;
        float[] x = new float[count + 7];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) random.nextGaussian();
        }
        byte[] expected = quantize(format, Arrays.copyOfRange(x, 5, 5 + count));
        byte[] all = new byte[expected.length + 6];
        Arrays.fill(all, (byte) 0x5a);
        format.quantize(x, 5, count, MemorySegment.ofArray(all), 3);
        assertArrayEquals(expected, Arrays.copyOfRange(all, 3, 3 + expected.length));
        for (int i : new int[] {0, 1, 2, all.length - 3, all.length - 2, all.length - 1}) {
            assertEquals(0x5a, all[i]);
        }
        assertThrows(IndexOutOfBoundsException.class, () -> format.quantize(x, 8, count, MemorySegment.ofArray(all), 0));
        assertThrows(IndexOutOfBoundsException.class, () -> format.quantize(x, 0, count, MemorySegment.ofArray(all), 7));
        assertThrows(IllegalArgumentException.class, () -> format.quantize(x, 0, -256, MemorySegment.ofArray(all), 0));
        if (format.blockSize() > 1) {
            assertThrows(IllegalArgumentException.class, () -> format.quantize(x, 0, 17, MemorySegment.ofArray(all), 0));
        }
    }

    private static byte[] quantize(ActivationFormat format, float[] x) {
        byte[] blocks = new byte[x.length / format.blockSize() * format.blockBytes()];
        format.quantize(x, 0, x.length, MemorySegment.ofArray(blocks), 0);
        return blocks;
    }

    private static float[] decode(ActivationFormat format, byte[] blocks) {
        float[] values = new float[blocks.length / format.blockBytes() * format.blockSize()];
        format.codec().decode(MemorySegment.ofArray(blocks), 0, values, 0, values.length);
        return values;
    }
}
