package org.crema.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.crema.kernels.conformance.Fence;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Products with activations in 8-bit integers against the scalar codec and products in double precision, at odd shapes and addresses. */
class Int8Test {
    private static final int GUARD = 64;

    static Stream<QuantType> types() {
        return Arrays.stream(QuantType.values()).filter(type -> Int8Rows.order(type) != null);
    }

    @BeforeEach
    void machine() {
        Assumptions.assumeTrue(Int8.describe().startsWith("by"), Int8::describe);
    }

    @ParameterizedTest
    @MethodSource("types")
    void rowsTimesVector(QuantType type) {
        Random seeds = new Random(17 + type.id());
        int size = type.blockSize();
        for (int columns : size == 256 ? new int[] {256, 768, 2048} : new int[] {32, 64, 96, 7 * 32, 1408}) {
            for (int rows : new int[] {1, 2, 3, 5, 77}) {
                rowsTimesVector(type, columns, rows, seeds.nextLong());
            }
        }
    }

    private static void rowsTimesVector(QuantType type, int columns, int rows, long seed) {
        try (Arena arena = Arena.ofConfined()) {
            Int8 kernel = Int8.of(type);
            Sample sample = Sample.of(arena, type, rows, columns, (int) (seed & 63), seed);
            float[] x = activations(columns, seed + 1);
            long packedBytes = kernel.activations().packedBytes(columns);
            MemorySegment packed = ManyTokens.guarded(arena, packedBytes);
            kernel.activations().pack(Sample.copy(arena, x).address(), columns, packed.address() + GUARD);
            ManyTokens.checkGuards(packed, type + " packed vector");
            int from = rows > 3 ? 1 : 0;
            MemorySegment out = ManyTokens.guarded(arena, 4L * (rows - from));
            kernel.matVec(sample.address(), sample.rowBytes(), from, rows, columns, packed.address() + GUARD,
                    out.address() + GUARD);
            ManyTokens.checkGuards(out, type + " results");
            float[] rounded = rounded(x);
            for (int r = from; r < rows; r++) {
                double[] expected = sample.dot(r, rounded, 0);
                double error = out.get(ValueLayout.JAVA_FLOAT, GUARD + 4L * (r - from)) - expected[0];
                assertTrue(error * error <= 1e-10 * expected[1],
                        () -> type + " columns " + columns + " rows " + rows + ": off by " + error + " of " + expected[0]
                                + ", terms have the root sum square " + Math.sqrt(expected[1]));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("types")
    void manyTokens(QuantType type) {
        ManyTokens.check(type, Int8.of(type).many(),
                (sample, row, x, at) -> sample.dot(row, rounded(Arrays.copyOfRange(x, at, at + sample.columns())), 0), 0);
    }

    /** Nothing is rounded: a matrix that lies the other way round, mixed row by row. */
    @ParameterizedTest
    @MethodSource("types")
    void rowsMixed(QuantType type) {
        for (int columns : type.blockSize() == 256 ? new int[] {256, 768} : new int[] {32, 96, 256, 416}) {
            for (int rows : new int[] {1, 31, 32, 67}) {
                try (Arena arena = Arena.ofConfined()) {
                    Sample sample = Sample.of(arena, type, rows, columns, 1, rows);
                    float[] x = Sample.activations(rows, columns);
                    MemorySegment out = ManyTokens.guarded(arena, 4L * columns);
                    Int8.of(type).mix(sample.address(), sample.rowBytes(), rows, columns, Sample.copy(arena, x).address(),
                            out.address() + GUARD, new Gemm.Scratch());
                    double largest = 0;
                    for (int i = 0; i < rows * columns; i++) {
                        largest = Math.max(largest, Math.abs(x[i / columns] * sample.weights()[i]));
                    }
                    ManyTokens.checkGuards(out, type + " results");
                    for (int c = 0; c < columns; c++) {
                        double sum = 0;
                        double squares = 0;
                        for (int r = 0; r < rows; r++) {
                            double term = (double) x[r] * sample.weights()[r * columns + c];
                            sum += term;
                            squares += term * term;
                        }
                        double error = out.get(ValueLayout.JAVA_FLOAT, GUARD + 4L * c) - sum;
                        // Of a weight of zero what is left is the rounding of its minimum or zero point, which other weights of the row show.
                        double least = 1e-6 * largest;
                        assertTrue(error * error <= 1e-10 * squares + least * least,
                                () -> type + " columns " + columns + " rows " + rows + ": off by " + error);
                    }
                }
            }
        }
    }

    /** Some blocks large, some small, some nothing. */
    private static float[] activations(int count, long seed) {
        float[] x = Sample.activations(count, seed);
        for (int i = 0; i < count; i++) {
            x[i] *= switch (i / Int8Order.BLOCK % 4) {
                case 0 -> 1;
                case 1 -> 1e-3f;
                case 2 -> 30;
                default -> seed % 2 == 0 ? 0 : 2;
            };
        }
        return x;
    }

    /** What activations are rounded to. */
    private static float[] rounded(float[] x) {
        float[] rounded = new float[x.length];
        for (int from = 0; from < x.length; from += Int8Order.BLOCK) {
            float most = 0;
            for (int i = from; i < from + Int8Order.BLOCK; i++) {
                most = Math.max(most, Math.abs(x[i]));
            }
            float scale = most * (1f / 127);
            for (int i = from; i < from + Int8Order.BLOCK && most > 0; i++) {
                rounded[i] = scale * (float) Math.rint(x[i] * (127 / most));
            }
        }
        return rounded;
    }

    @Test
    void notANumberIsNotLost() {
        try (Arena arena = Arena.ofConfined()) {
            for (float odd : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                types().forEach(type -> {
                    Int8 kernel = Int8.of(type);
                    Sample sample = Sample.of(arena, type, 1, 512, 0, 5);
                    float[] x = Sample.activations(512, 6);
                    x[77] = odd;
                    MemorySegment packed = arena.allocate(kernel.activations().packedBytes(512), 64);
                    kernel.activations().pack(Sample.copy(arena, x).address(), 512, packed.address());
                    MemorySegment out = arena.allocate(4);
                    kernel.matVec(sample.address(), sample.rowBytes(), 0, 1, 512, packed.address(), out.address());
                    assertTrue(!Float.isFinite(out.get(ValueLayout.JAVA_FLOAT, 0)), () -> type + " with " + odd);
                });
            }
        }
    }

    /** However rows are dealt out the bits are the same. */
    @ParameterizedTest
    @MethodSource("types")
    void theSameBitsInAnyPieces(QuantType type) {
        try (Arena arena = Arena.ofConfined()) {
            Int8 kernel = Int8.of(type);
            Sample sample = Sample.of(arena, type, 75, 512, 1, 8);
            MemorySegment packed = arena.allocate(kernel.activations().packedBytes(512), 64);
            kernel.activations().pack(Sample.copy(arena, Sample.activations(512, 9)).address(), 512, packed.address());
            MemorySegment whole = arena.allocate(4 * 75);
            kernel.matVec(sample.address(), sample.rowBytes(), 0, 75, 512, packed.address(), whole.address());
            MemorySegment pieces = arena.allocate(4 * 75);
            int[] cuts = {0, 4, 40, 41, 43, 75};
            for (int i = 1; i < cuts.length; i++) {
                kernel.matVec(sample.address(), sample.rowBytes(), cuts[i - 1], cuts[i], 512, packed.address(),
                        pieces.address() + 4L * cuts[i - 1]);
            }
            assertEquals(-1, whole.mismatch(pieces));
        }
    }

    /** Weights that end where memory ends: reading on would end the JVM. */
    @ParameterizedTest
    @MethodSource("types")
    void readsNothingBehindTheLastBlock(QuantType type) {
        int columns = type.blockSize() == 256 ? 512 : 96;
        int rows = 5;
        try (Arena arena = Arena.ofConfined(); Fence fence = new Fence(type.rowBytes(columns) * rows)) {
            Sample sample = Sample.of(arena, type, rows, columns, 0, 3);
            long weights = fence.put(sample.memory());
            Int8 kernel = Int8.of(type);
            MemorySegment x = Sample.copy(arena, Sample.activations(5 * columns, 4));
            MemorySegment packed = arena.allocate(kernel.activations().packedBytes(columns), 64);
            kernel.activations().pack(x.address(), columns, packed.address());
            MemorySegment expected = arena.allocate(4L * rows);
            MemorySegment out = arena.allocate(4L * rows);
            kernel.matVec(sample.address(), sample.rowBytes(), 0, rows, columns, packed.address(), expected.address());
            kernel.matVec(weights, sample.rowBytes(), 0, rows, columns, packed.address(), out.address());
            assertEquals(-1, expected.mismatch(out));
            MemorySegment panels = arena.allocate(kernel.many().panelBytes(5, columns), 64);
            Gemm.Scratch scratch = new Gemm.Scratch();
            kernel.many().packPanels(x.address(), columns, null, 0, 5, columns, 0, 1, panels.address(), scratch);
            MemorySegment many = arena.allocate(4L * 5 * rows);
            kernel.many().multiply(weights, sample.rowBytes(), 0, rows, columns, panels.address(), 5, many.address(), rows, null,
                    0,
                    scratch);
            for (int r = 0; r < rows; r++) {
                float few = out.getAtIndex(ValueLayout.JAVA_FLOAT, r);
                assertEquals(few, many.getAtIndex(ValueLayout.JAVA_FLOAT, r), 1e-4 * Math.abs(few) + 1e-2);
            }
        }
    }

    @Test
    void typesOfOneFormShareIt() {
        assertSame(Int8.of(QuantType.Q4_K).activations(), Int8.of(QuantType.Q5_K).activations());
    }
}
