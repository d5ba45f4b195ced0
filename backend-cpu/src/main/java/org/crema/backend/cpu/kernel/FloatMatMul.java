package org.crema.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Products of many tokens in f32, or with weights and activations rounded to BF16: a tile is dequantised, then multiplied. Panels are slices of
 * {@link MatKernel#SLICE} columns, each {@code [column][token]}, columns in the order of the kernel's {@link Packing}, filled with zeros. In BF16, which
 * needs {@link Bf16} and an even number of columns, a slice takes half of its place.
 */
public final class FloatMatMul extends TiledMatMul {
    private final MatKernel kernel;
    private final boolean bf16;

    /** Activations in an order, and whether they are rounded. */
    private record Form(Packing packing, boolean bf16) {}

    private final Form form;

    public FloatMatMul(MatKernel kernel, boolean bf16) {
        this.kernel = kernel;
        this.bf16 = bf16;
        this.form = new Form(kernel.packing(), bf16);
    }

    @Override
    public Object form() {
        return form;
    }

    @Override
    public long panelBytes(int tokens, int columns) {
        return Gemm.panelFloats(tokens, columns) * Float.BYTES;
    }

    @Override
    public void packPanels(long x, long xStride, int[] rows, int firstToken, int tokens, int columns, int firstPanel,
            int lastPanel,
            long panels, Gemm.Scratch scratch) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            int width = Gemm.vectors(tokens, panel) * Species.LANES;
            long to = panels + (long) panel * Gemm.PANEL * columns * Float.BYTES;
            int count = Math.min(tokens - panel * Gemm.PANEL, width);
            for (int column = 0; column < columns; column += MatKernel.SLICE) {
                int slice = Math.min(MatKernel.SLICE, columns - column);
                if (count < width) {
                    Arrays.fill(scratch.panel, 0, slice * width, 0f);
                }
                for (int t = 0; t < count; t += Packing.TOGETHER) {
                    int together = Math.min(Packing.TOGETHER, count - t);
                    for (int i = 0; i < together; i++) {
                        int token = firstToken + panel * Gemm.PANEL + t + i;
                        long row = rows == null ? token : rows[token];
                        MemorySegment.copy(Memory.ALL, Memory.F32, x + (row * xStride + column) * Float.BYTES, scratch.tokens,
                                i * MatKernel.SLICE, slice);
                    }
                    Arrays.fill(scratch.tokens, together * MatKernel.SLICE, scratch.tokens.length, 0);
                    kernel.packing().scatterTogether(scratch.tokens, slice, scratch.panel, t, width);
                }
                long at = to + (long) column * width * Float.BYTES;
                if (bf16) {
                    Bf16.pair(scratch.panel, 0, slice / 2 * width, at);
                } else {
                    MemorySegment.copy(scratch.panel, 0, Memory.ALL, Memory.F32, at, slice * width);
                }
            }
        }
    }

    @Override
    void tile(long weights, long rowBytes, int row, int rows, int columns, long panels, int tokens, int first, int end,
            Gemm.Scratch scratch) {
        int floats = (end - first) * Gemm.SUMS;
        long pairs = bf16 ? scratch.nativeTile() : 0;
        long sums = bf16 ? scratch.nativeSums() : 0;
        if (bf16) {
            Memory.ALL.asSlice(sums, (long) floats * Float.BYTES).fill((byte) 0);
        } else {
            Arrays.fill(scratch.sums, 0, floats, 0f);
        }
        for (int column = 0; column < columns; column += MatKernel.SLICE) {
            int width = Math.min(MatKernel.SLICE, columns - column);
            kernel.dequantTile(weights, rowBytes, row, rows, column, width, scratch.tile);
            for (int r = 0; bf16 && r < rows; r++) {
                Bf16.pair(scratch.tile, r * MatKernel.SLICE, width / 2, pairs + (long) r * Bf16.ROW);
            }
            for (int panel = first; panel < end; panel++) {
                int vectors = Gemm.vectors(tokens, panel);
                long x = panels + ((long) panel * Gemm.PANEL * columns + (long) column * vectors * Species.LANES) * Float.BYTES;
                int at = (panel - first) * Gemm.SUMS;
                if (bf16) {
                    Bf16.multiply(pairs, rows, x, vectors, width / 2, sums + (long) at * Float.BYTES);
                } else {
                    Gemm.multiply(scratch.tile, 0, rows, x, vectors, width, scratch.sums, at);
                }
            }
        }
        if (bf16) {
            MemorySegment.copy(Memory.ALL, Memory.F32, sums, scratch.sums, 0, floats);
        }
    }
}
