package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/** Runs kernels until they are compiled. Before that they are a hundred times slower, so a look at the clock tells. */
final class WarmUp {
    private static final int ROWS = 64;
    private static final int COLUMNS = 1024;
    private static final int TOKENS = 2 * Gemm.PANEL - 1;

    /** Nanoseconds per weight (and, in products of many tokens, per token): compiled kernels stay far below, others far above. */
    private static final double COMPILED = 1;

    private WarmUp() {}

    static boolean matVecAndTiles(MatKernel kernel, Duration atMost) {
        try (Arena arena = Arena.ofConfined()) {
            long rowBytes = kernel.type().rowBytes(COLUMNS);
            long weights = arena.allocate(ROWS * rowBytes, 64).address();
            long packed = arena.allocate(Float.BYTES * kernel.packing().packedFloats(COLUMNS), 64).address();
            long out = arena.allocate((long) Float.BYTES * ROWS, 64).address();
            float[] tile = new float[ROWS * MatKernel.SLICE];
            long end = System.nanoTime() + atMost.toNanos();
            return until(end, ROWS * COLUMNS, () -> kernel.matVec(weights, rowBytes, 0, ROWS, COLUMNS, packed, out))
                    // the last rows are too few to be worked on together
                    && until(end, COLUMNS, () -> kernel.matVec(weights, rowBytes, 0, 1, COLUMNS, packed, out))
                    && until(end, ROWS * MatKernel.SLICE,
                            () -> kernel.dequantTile(weights, rowBytes, 0, ROWS, 0, MatKernel.SLICE, tile));
        }
    }

    static boolean products(MatKernel kernel, Duration atMost) {
        try (Arena arena = Arena.ofConfined()) {
            long rowBytes = kernel.type().rowBytes(COLUMNS);
            long weights = arena.allocate(ROWS * rowBytes, 64).address();
            MemorySegment x = arena.allocate((long) Float.BYTES * TOKENS * COLUMNS, 64);
            long panels = arena.allocate(Float.BYTES * Gemm.panelFloats(TOKENS, COLUMNS), 64).address();
            long out = arena.allocate((long) Float.BYTES * TOKENS * ROWS, 64).address();
            Gemm.Scratch scratch = new Gemm.Scratch();
            long end = System.nanoTime() + atMost.toNanos();
            boolean compiled = true;
            // one panel of each width
            for (int tokens = Species.LANES; tokens <= Gemm.PANEL && compiled; tokens += Species.LANES) {
                int count = tokens;
                compiled = until(end, (long) ROWS * COLUMNS * tokens, () -> {
                    Gemm.packPanels(kernel.packing(), x.address(), COLUMNS, null, 0, count, COLUMNS, 0, 1, panels);
                    Gemm.multiply(kernel, weights, rowBytes, 0, ROWS, COLUMNS, panels, count, out, ROWS, null, 0, scratch);
                });
            }
            return compiled;
        }
    }

    private static boolean until(long end, long steps, Runnable work) {
        while (System.nanoTime() < end) {
            long start = System.nanoTime();
            work.run();
            if (System.nanoTime() - start < steps * COMPILED) {
                return true;
            }
        }
        return false;
    }
}
