package org.crema.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.stream.Stream;
import org.crema.kernels.quant.QuantType;

/** Products of many tokens against products in double precision: panels packed in pieces, rows in pieces, tokens gathered or in order. */
final class ManyTokens {
    private static final int GUARD = 64;
    private static final byte GUARD_VALUE = 77;

    private ManyTokens() {}

    /** The product of a row of weights and the activations from {@code at} on, and the sum of the squares of its terms. */
    interface Expected {
        double[] of(Sample sample, int row, float[] x, int at);
    }

    /** @param small error that each term may have beside rounding */
    static void check(QuantType type, MatMul product, Expected expected, float small) {
        Stream.of(1, 3, Species.LANES + 1, 2 * Species.LANES + 1, Gemm.PANEL, 2 * Gemm.PANEL + 3, 515)
                .forEach(tokens -> check(type, product, type.blockSize() == 256 ? 512 : 384, tokens < 500 ? 101 : 7, tokens,
                        expected, small));
        check(type, product, type.blockSize() == 256 ? 256 : 128, 1, 5, expected, small);
        int block = Math.max(32, type.blockSize());
        check(type, product, type.blockSize() == 256 ? 768 : 512 - block, 5, 6, expected, small);
        reachesItsTokenOnly(type, product);
    }

    private static void check(QuantType type, MatMul product, int columns, int rows, int tokens, Expected expected, float small) {
        try (Arena arena = Arena.ofConfined()) {
            Sample sample = Sample.of(arena, type, rows, columns, 1, tokens);
            int stride = columns + 3;
            float[] x = Sample.activations((tokens + 2) * stride, 3);
            int[] order = new Random(4).ints(tokens + 1, 0, tokens + 2).toArray();
            MemorySegment panels = guarded(arena, product.panelBytes(tokens, columns));
            Gemm.Scratch scratch = new Gemm.Scratch();
            int outStride = rows + 5;
            MemorySegment out = guarded(arena, 4L * (tokens * outStride - 5));
            long to = out.address() + GUARD;
            long xs = Sample.copy(arena, x).address();
            long packed = panels.address() + GUARD;
            for (int[] list : new int[][] {null, order}) {
                int half = Gemm.panels(tokens) / 2;
                product.packPanels(xs, stride, list, 1, tokens, columns, half, Gemm.panels(tokens), packed, scratch);
                product.packPanels(xs, stride, list, 1, tokens, columns, 0, half, packed, scratch);
                int split = rows / 3;
                product.multiply(sample.address(), sample.rowBytes(), 0, split, columns, packed, tokens, to, outStride, null, 0,
                        scratch);
                product.multiply(sample.address(), sample.rowBytes(), split, rows, columns, packed, tokens, to + 4L * split,
                        outStride, null, 0, scratch);
                checkGuards(panels, type + " panels");
                checkGuards(out, type + " results");
                for (int t = 0; t < tokens; t++) {
                    int at = (list == null ? t + 1 : list[t + 1]) * stride;
                    for (int r = 0; r < rows; r++) {
                        double[] exact = expected.of(sample, r, x, at);
                        double error = at(out, t * outStride + r) - exact[0];
                        double below = columns * small;
                        String what = product + " " + type + " token " + t + " of " + tokens + " row " + r;
                        assertTrue(error * error <= 1e-10 * exact[1] + below * below,
                                () -> what + ": off by " + error + " of " + exact[0]);
                    }
                    for (int gap = rows; gap < outStride && t < tokens - 1; gap++) {
                        assertEquals(GUARD_VALUE, out.get(ValueLayout.JAVA_BYTE, GUARD + 4L * (t * outStride + gap)));
                    }
                }
            }
        }
    }

    /** NaN among the activations of one token. */
    private static void reachesItsTokenOnly(QuantType type, MatMul product) {
        int columns = 256;
        int tokens = 7;
        try (Arena arena = Arena.ofConfined()) {
            Sample sample = Sample.of(arena, type, 1, columns, 0, 9);
            float[] x = Sample.activations(tokens * columns, 10);
            x[3 * columns + 77] = Float.NaN;
            MemorySegment panels = arena.allocate(product.panelBytes(tokens, columns), 64);
            MemorySegment out = arena.allocate(4L * tokens);
            Gemm.Scratch scratch = new Gemm.Scratch();
            product.packPanels(Sample.copy(arena, x).address(), columns, null, 0, tokens, columns, 0, Gemm.panels(tokens),
                    panels.address(), scratch);
            product.multiply(sample.address(), sample.rowBytes(), 0, 1, columns, panels.address(), tokens, out.address(), 1, null,
                    0,
                    scratch);
            for (int t = 0; t < tokens; t++) {
                assertEquals(t == 3, Float.isNaN(out.getAtIndex(ValueLayout.JAVA_FLOAT, t)), type + " token " + t);
            }
        }
    }

    private static double at(MemorySegment out, int index) {
        return out.get(ValueLayout.JAVA_FLOAT, GUARD + 4L * index);
    }

    static MemorySegment guarded(Arena arena, long bytes) {
        return arena.allocate(bytes + 2 * GUARD, 64).fill(GUARD_VALUE);
    }

    static void checkGuards(MemorySegment segment, String what) {
        for (int i = 0; i < GUARD; i++) {
            assertEquals(GUARD_VALUE, segment.get(ValueLayout.JAVA_BYTE, i), what + ": written before the beginning");
            assertEquals(GUARD_VALUE, segment.get(ValueLayout.JAVA_BYTE, segment.byteSize() - 1 - i),
                    what + ": written behind the end");
        }
    }
}
