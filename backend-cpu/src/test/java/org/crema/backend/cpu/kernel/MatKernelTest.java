package org.crema.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every kernel against the scalar codec and products in double precision, at odd shapes and addresses. */
@Tag("width")
class MatKernelTest {
    private static final int GUARD = 16;
    private static final float GUARD_VALUE = 12345.678f;

    private static int[] shapes(QuantType type) {
        int size = type.blockSize();
        return size == 1
                ? new int[] {1, 2, 3, 15, 16, 17, 67, 256, 1408}
                : size == 256
                        ? new int[] {256, 512, 768, 2048}
                        : new int[] {size, 2 * size, 3 * size, 7 * size, 1408 / size * size, 2048};
    }

    @ParameterizedTest
    @EnumSource(QuantType.class)
    void rowsTimesVector(QuantType type) {
        Random seeds = new Random(7 + type.id());
        for (int columns : shapes(type)) {
            for (int rows : new int[] {1, 2, 3, 5, 77}) {
                for (Tuning tuning : new Tuning[] {Tuning.SINGLE, Tuning.NEAR, Tuning.FAR}) {
                    rowsTimesVector(type, columns, rows, tuning, seeds.nextLong());
                }
            }
        }
    }

    private static void rowsTimesVector(QuantType type, int columns, int rows, Tuning tuning, long seed) {
        try (Arena arena = Arena.ofConfined()) {
            MatKernel kernel = MatKernel.of(type, tuning);
            Sample sample = Sample.of(arena, type, rows, columns, (int) (seed & 63), seed);
            float[] x = Sample.activations(columns, seed + 1);
            MemorySegment packed = guarded(arena, kernel.packing().packedFloats(columns));
            kernel.packing().pack(Sample.copy(arena, x).address(), columns, packed.address() + 4 * GUARD);
            checkGuards(packed, type + " packed vector");
            int from = rows > 3 ? 1 : 0;
            MemorySegment out = guarded(arena, rows - from);
            kernel.matVec(sample.address(), sample.rowBytes(), from, rows, columns, packed.address() + 4 * GUARD,
                    out.address() + 4 * GUARD);
            checkGuards(out, type + " results");
            for (int r = from; r < rows; r++) {
                double[] expected = sample.dot(r, x, 0);
                double error = out.getAtIndex(ValueLayout.JAVA_FLOAT, GUARD + r - from) - expected[0];
                assertTrue(error * error <= 1e-10 * expected[1],
                        () -> kernel + " columns " + columns + " rows " + rows + ": off by " + error
                                + " of " + expected[0] + ", terms have the root sum square " + Math.sqrt(expected[1]));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(QuantType.class)
    void theSameBitsHoweverRowsAreWalked(QuantType type) {
        int columns = type.blockSize() == 256 ? 768 : 384;
        int rows = 75;
        try (Arena arena = Arena.ofConfined()) {
            Sample sample = Sample.of(arena, type, rows, columns, 1, 11);
            Packing packing = MatKernel.of(type).packing();
            MemorySegment packed = arena.allocate(4 * packing.packedFloats(columns), 64);
            packing.pack(Sample.copy(arena, Sample.activations(columns, 12)).address(), columns, packed.address());
            MemorySegment expected = arena.allocate(4L * rows, 64);
            MatKernel.of(type, Tuning.SINGLE).matVec(sample.address(), sample.rowBytes(), 0, rows, columns, packed.address(),
                    expected.address());
            for (Tuning tuning : new Tuning[] {Tuning.NEAR, Tuning.FAR}) {
                MemorySegment out = arena.allocate(4L * rows, 64);
                MatKernel.of(type, tuning).matVec(sample.address(), sample.rowBytes(), 0, rows, columns, packed.address(),
                        out.address());
                assertEquals(-1, expected.mismatch(out), () -> type + " " + tuning);
            }
        }
    }

    private static MemorySegment guarded(Arena arena, long floats) {
        MemorySegment segment = arena.allocate(4 * (floats + 2 * GUARD), 64);
        for (int i = 0; i < floats + 2 * GUARD; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, GUARD_VALUE);
        }
        return segment;
    }

    private static void checkGuards(MemorySegment segment, String what) {
        long floats = segment.byteSize() / 4;
        for (int i = 0; i < GUARD; i++) {
            assertEquals(GUARD_VALUE, segment.getAtIndex(ValueLayout.JAVA_FLOAT, i), what + ": written before the beginning");
            assertEquals(GUARD_VALUE, segment.getAtIndex(ValueLayout.JAVA_FLOAT, floats - 1 - i),
                    what + ": written behind the end");
        }
    }

    @ParameterizedTest
    @EnumSource(QuantType.class)
    void tilesAreWhatTheCodecSays(QuantType type) {
        for (int columns : shapes(type)) {
            try (Arena arena = Arena.ofConfined()) {
                int rows = 5;
                MatKernel kernel = MatKernel.of(type);
                Sample sample = Sample.of(arena, type, rows, columns, 3, columns);
                float[] tile = new float[(rows - 1) * MatKernel.SLICE];
                for (int column = 0; column < columns; column += MatKernel.SLICE) {
                    int width = Math.min(MatKernel.SLICE, columns - column);
                    kernel.dequantTile(sample.address(), sample.rowBytes(), 1, rows - 1, column, width,
                            tile);
                    int[] order = order(kernel.packing(), width);
                    for (int i = 0; i < (rows - 1) * width; i++) {
                        int row = i / width;
                        int place = i % width;
                        float actual = tile[row * MatKernel.SLICE + place];
                        float expected = sample.weights()[(row + 1) * columns + column + order[place]];
                        assertEquals(expected, actual, () -> kernel + " row " + row + " place " + place);
                    }
                }
            }
        }
    }

    /** The column at each place, found by packing the numbers of the columns. */
    private static int[] order(Packing packing, int columns) {
        float[] numbers = new float[columns];
        for (int i = 0; i < columns; i++) {
            numbers[i] = i;
        }
        float[] places = new float[columns];
        packing.scatter(numbers, columns, places, 0, 1);
        int[] order = new int[columns];
        for (int i = 0; i < columns; i++) {
            order[i] = (int) places[i];
        }
        return order;
    }

    @ParameterizedTest
    @EnumSource(QuantType.class)
    void softVectorsGiveTheSameBits(QuantType type) {
        for (int columns : shapes(type)) {
            try (Arena arena = Arena.ofConfined()) {
                int rows = 5;
                MatKernel kernel = MatKernel.of(type);
                Sample sample = Sample.of(arena, type, rows, columns, 1, 21 + columns);
                MemorySegment packed = arena.allocate(4 * kernel.packing().packedFloats(columns), 64);
                kernel.packing().pack(Sample.copy(arena, Sample.activations(columns, 22)).address(), columns, packed.address());
                MemorySegment out = arena.allocate(4L * rows, 64);
                MemorySegment soft = guarded(arena, rows);
                int slice = Math.min(MatKernel.SLICE, columns);
                float[] tile = new float[rows * MatKernel.SLICE];
                float[] softTile = new float[rows * MatKernel.SLICE];
                kernel.matVec(sample.address(), sample.rowBytes(), 0, rows, columns, packed.address(), out.address());
                kernel.dequantTile(sample.address(), sample.rowBytes(), 0, rows, 0, slice, tile);
                Starter.with(true, () -> {
                    kernel.matVec(sample.address(), sample.rowBytes(), 0, rows, columns, packed.address(),
                            soft.address() + 4 * GUARD);
                    kernel.dequantTile(sample.address(), sample.rowBytes(), 0, rows, 0, slice, softTile);
                });
                checkGuards(soft, type + " results");
                assertEquals(-1, out.mismatch(soft.asSlice(4 * GUARD, 4L * rows)), () -> type + " rows of " + columns);
                assertArrayEquals(tile, softTile, () -> type + " tile of " + columns);
            }
        }
    }

    @Test
    void plainLoopsGiveTheBitsOfMicroKernels() {
        for (int tokens = 1; tokens <= Gemm.PANEL; tokens += 3) {
            try (Arena arena = Arena.ofConfined()) {
                int columns = 384;
                int rows = 101;
                MatMul product = new FloatMatMul(MatKernel.of(QuantType.Q8_0), false);
                Sample sample = Sample.of(arena, QuantType.Q8_0, rows, columns, 0, tokens);
                MemorySegment x = Sample.copy(arena, Sample.activations(tokens * columns, 5));
                MemorySegment panels = arena.allocate(product.panelBytes(tokens, columns), 64);
                Gemm.Scratch scratch = new Gemm.Scratch();
                product.packPanels(x.address(), columns, null, 0, tokens, columns, 0, 1, panels.address(), scratch);
                MemorySegment[] out = {arena.allocate(4L * tokens * rows, 64), arena.allocate(4L * tokens * rows, 64)};
                int count = tokens;
                for (int way = 0; way < 2; way++) {
                    long to = out[way].address();
                    Starter.with(way == 1, () -> product.multiply(sample.address(), sample.rowBytes(), 0, rows, columns,
                            panels.address(), count, to, rows, null, 0, scratch));
                }
                assertEquals(-1, out[0].mismatch(out[1]), () -> count + " tokens");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(QuantType.class)
    void manyTokens(QuantType type) {
        ManyTokens.check(type, new FloatMatMul(MatKernel.of(type), false), Sample::dot, 0);
    }

    @ParameterizedTest
    @EnumSource(QuantType.class)
    void manyTokensInBf16(QuantType type) {
        Assumptions.assumeTrue(Bf16.available(), Bf16::describe);
        // The instruction takes numbers below the normal ones for zero.
        ManyTokens.check(type, new FloatMatMul(MatKernel.of(type), true), Sample::dotInBf16, Float.MIN_NORMAL);
    }

    /** Kernels and soft vectors round alike, at any length; halves of the last bit that is kept go away from zero. */
    @Test
    void roundsToBf16() {
        Random random = new Random(3);
        for (int half : new int[] {1, 15, 16, 17, 160}) {
            float[] lines = new float[2 * half + 1];
            for (int i = 0; i < lines.length; i++) {
                lines[i] = i % 5 == 0
                        ? Float.intBitsToFloat(random.nextInt() & 0x807fffff | 0x3f808000)
                        : (float) random.nextGaussian();
            }
            lines[1] = half > 1 ? Float.NaN : lines[1];
            lines[2] = half > 1 ? Float.NEGATIVE_INFINITY : lines[2];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment pairs = arena.allocate(4L * half, 64);
                MemorySegment soft = arena.allocate(4L * half, 64);
                Bf16.pair(lines, 1, half, pairs.address());
                Starter.with(true, () -> Bf16.pair(lines, 1, half, soft.address()));
                assertEquals(-1, pairs.mismatch(soft));
                for (int i = 0; i < half; i++) {
                    int pair = pairs.getAtIndex(ValueLayout.JAVA_INT, i);
                    assertEquals(Sample.bf16(lines[1 + i]), Float.intBitsToFloat(pair << 16));
                    assertEquals(Sample.bf16(lines[1 + half + i]), Float.intBitsToFloat(pair & 0xffff0000));
                }
            }
        }
    }

    @Test
    void theForcedWidthIsTheOneInUse() {
        String bits = System.getProperty(Species.PROPERTY);
        if (bits != null) {
            assertEquals(Integer.parseInt(bits), Species.LANES * Float.SIZE);
        }
        assertEquals(8, Species.lanes("256"));
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> Species.lanes("64"));
        assertTrue(refused.getMessage().contains("64"), refused.getMessage());
    }

    @Test
    void kernelsOfOneOrderShareIt() {
        assertSame(MatKernel.of(QuantType.Q8_0).packing(), MatKernel.of(QuantType.F32).packing());
        assertTrue(MatKernel.of(QuantType.Q8_0).packing().isPlain());
        assertFalse(MatKernel.of(QuantType.Q4_K).packing().isPlain());
    }
}
