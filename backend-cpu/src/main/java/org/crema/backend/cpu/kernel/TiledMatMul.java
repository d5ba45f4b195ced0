package org.crema.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;

/** The walk over tiles that all products of many tokens have in common. */
abstract class TiledMatMul implements MatMul {
    /**
     * Rows of a tile times the panels {@code first} to {@code end - 1}, to {@link Gemm.Scratch#sums}: {@link Gemm#SUMS} floats for a panel, of these
     * for each row as many as the panel is wide.
     */
    abstract void tile(long weights, long rowBytes, int row, int rows, int columns, long panels, int tokens, int first, int end,
            Gemm.Scratch scratch);

    @Override
    public final void multiply(long weights, long rowBytes, int from, int to, int columns, long panels, int tokens, long out,
            long outStride, int[] outRows, int firstOut, Gemm.Scratch scratch) {
        int last = Gemm.panels(tokens);
        for (int first = 0; first < last; first += Gemm.BATCH) {
            int end = Math.min(last, first + Gemm.BATCH);
            for (int row = from; row < to; row += Gemm.TILE_ROWS) {
                int rows = Math.min(Gemm.TILE_ROWS, to - row);
                tile(weights, rowBytes, row, rows, columns, panels, tokens, first, end, scratch);
                store(rows, tokens, first, end, scratch, out + (long) (row - from) * Float.BYTES, outStride * Float.BYTES,
                        outRows, firstOut);
            }
        }
    }

    private static void store(int rows, int tokens, int first, int end, Gemm.Scratch scratch, long out, long outStride,
            int[] outRows,
            int firstOut) {
        for (int panel = first; panel < end; panel++) {
            int width = Gemm.vectors(tokens, panel) * Species.LANES;
            int count = Math.min(tokens - panel * Gemm.PANEL, Gemm.PANEL);
            int c = (panel - first) * Gemm.SUMS;
            for (int t = 0; t < count; t += Packing.TOGETHER) {
                for (int r = 0, at = c + t; r < rows; r++, at += width) {
                    scratch.tokens[r] = scratch.sums[at];
                    scratch.tokens[r + MatKernel.SLICE] = scratch.sums[at + 1];
                    scratch.tokens[r + 2 * MatKernel.SLICE] = scratch.sums[at + 2];
                    scratch.tokens[r + 3 * MatKernel.SLICE] = scratch.sums[at + 3];
                }
                for (int i = 0; i < Math.min(Packing.TOGETHER, count - t); i++) {
                    int token = panel * Gemm.PANEL + t + i;
                    MemorySegment.copy(scratch.tokens, i * MatKernel.SLICE, Memory.ALL, Memory.F32,
                            out + (outRows == null ? token : outRows[firstOut + token]) * outStride, rows);
                }
            }
        }
    }
}
