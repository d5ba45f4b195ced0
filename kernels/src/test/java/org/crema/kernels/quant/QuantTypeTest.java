package org.crema.kernels.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.crema.kernels.conformance.RandomBlocks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class QuantTypeTest {
    @Test
    void unknownIdsHaveNoType() {
        for (int id : new int[] {-1, 4, 5, 9, 24, 31, 63, 64, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            assertTrue(QuantType.ofId(id).isEmpty(), "id " + id);
        }
    }

    @Test
    void rowsAreWholeBlocks() {
        assertEquals(0, QuantType.Q4_K.rowBytes(0));
        assertEquals(288, QuantType.Q4_K.rowBytes(512));
        String message = assertThrows(IllegalArgumentException.class, () -> QuantType.Q4_K.rowBytes(1408)).getMessage();
        assertTrue(message.contains("Q4_K") && message.contains("256") && message.contains("1408"), message);
        assertThrows(IllegalArgumentException.class, () -> QuantType.Q8_0.rowBytes(-32));
        assertThrows(ArithmeticException.class, () -> QuantType.F32.rowBytes(Long.MAX_VALUE));
    }

    /** The same numbers from the heap, from native memory at an odd address, and row by row; neighbours stay as they are. */
    @ParameterizedTest
    @EnumSource
    void decodesWhereverTheBlocksLie(QuantType type) {
        int columns = 512;
        int rows = 3;
        int blocks = rows * columns / type.blockSize();
        byte[] bytes = RandomBlocks.of(type, blocks, 1, new SplittableRandom(7));
        float[] expected = new float[rows * columns];
        type.codec().decode(MemorySegment.ofArray(bytes), 0, expected, 0, expected.length);

        try (Arena arena = Arena.ofConfined()) {
            MemorySegment odd = arena.allocate(bytes.length + 1, 64).asSlice(1);
            odd.copyFrom(MemorySegment.ofArray(bytes));
            float[] actual = new float[expected.length + 2];
            actual[0] = 42;
            actual[actual.length - 1] = 43;
            type.codec().decode(odd.asReadOnly(), 0, actual, 1, expected.length);
            assertArrayEquals(expected, Arrays.copyOfRange(actual, 1, 1 + expected.length));
            assertEquals(42, actual[0]);
            assertEquals(43, actual[actual.length - 1]);

            float[] row = new float[columns];
            for (int r = 0; r < rows; r++) {
                type.decodeRow(odd, r, row);
                assertArrayEquals(Arrays.copyOfRange(expected, r * columns, (r + 1) * columns), row);
            }
            assertThrows(IndexOutOfBoundsException.class, () -> type.decodeRow(odd, rows, row));
            assertThrows(IndexOutOfBoundsException.class, () -> type.decodeRow(odd, -1, row));
        }
    }

    @ParameterizedTest
    @EnumSource
    void badRangesAreNamed(QuantType type) {
        int n = type.blockSize();
        MemorySegment src = MemorySegment.ofArray(new byte[2 * type.blockBytes()]);
        float[] dst = new float[2 * n];
        Codec codec = type.codec();
        codec.decode(src, src.byteSize(), dst, dst.length, 0);

        assertMessage(IndexOutOfBoundsException.class, "array of " + 2 * n, () -> codec.decode(src, 0, dst, 1, 2 * n));
        assertMessage(IndexOutOfBoundsException.class, "index -1", () -> codec.decode(src, 0, dst, -1, n));
        assertMessage(IndexOutOfBoundsException.class, "at byte 1 ", () -> codec.decode(src, 1, dst, 0, 2 * n));
        assertMessage(IndexOutOfBoundsException.class, "at byte -1 ", () -> codec.decode(src, -1, dst, 0, n));
        assertMessage(IndexOutOfBoundsException.class, "segment of " + src.byteSize(),
                () -> codec.decode(src, Long.MAX_VALUE, dst, 0, n));
        assertMessage(IllegalArgumentException.class, "not -" + n, () -> codec.decode(src, 0, dst, 0, -n));
        if (n > 1) {
            assertMessage(IllegalArgumentException.class, type + " has blocks of " + n,
                    () -> codec.decode(src, 0, dst, 0, n + 1));
        }
    }

    private static void assertMessage(Class<? extends RuntimeException> kind, String part, Runnable action) {
        String message = assertThrows(kind, action::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
