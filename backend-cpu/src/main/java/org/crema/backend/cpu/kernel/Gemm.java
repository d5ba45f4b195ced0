package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Products with many activation rows: the activations are packed to panels once, then each tile of weight rows is dequantised and
 * multiplied by all panels. {@code out[token][row] = sum over columns of x[token][column] * w[row][column]}.
 *
 * <p>A panel holds {@link #PANEL} tokens; the last one is as wide as its tokens need, rounded up to a vector and filled with zeros.
 * It is stored as slices of {@link MatKernel#SLICE} columns, each {@code [column][token]}, columns in the order of the kernel's
 * {@link Packing}. With {@code bf16}, which needs {@link Bf16} and an even number of columns, activations and weights are rounded, and a slice takes half of its place. Addresses as in {@link MatKernel}. The panels may be packed by several threads (each some panels) and are read by
 * all; the rows may be shared among threads as one likes, best in multiples of {@link #TILE_ROWS}; each thread has its own {@link Scratch}.
 */
public final class Gemm {
    /** Weight rows of a tile. */
    public static final int TILE_ROWS = 96;
    /** Tokens of a full panel. */
    public static final int PANEL = Species.LANES * (Species.LANES == 8 ? 2 : 4);

    /** Most rows that are worked on together. */
    public static final int STEP = 12;

    /** Panels whose sums are kept at a time: with the tile they stay in the second-level cache. */
    private static final int BATCH = 512 / PANEL;
    private static final int SUMS = TILE_ROWS * PANEL;
    static final MicroKernels MICRO = GeneratedKernels.microKernels(Species.LANES);

    /** Of a thread, a panel's slice on the heap for {@link #plain}: arrays are quick before anything is compiled. */
    private static final ThreadLocal<float[]> PANELS = ThreadLocal.withInitial(() -> new float[MatKernel.SLICE * PANEL]);

    private Gemm() {}

    /** The number of panels for so many tokens. */
    public static int panels(int tokens) {
        return (tokens + PANEL - 1) / PANEL;
    }

    /** Floats that the panels of so many tokens take. */
    public static long panelFloats(int tokens, int columns) {
        int full = tokens / PANEL;
        return (full * (long) PANEL + (long) Species.LANES * vectors(tokens, full)) * columns;
    }

    /** Memory for one thread: a tile of weights and its sums, a panel's slice and some tokens of it, about 400 KB. */
    public static final class Scratch {
        private final float[] tile = new float[TILE_ROWS * MatKernel.SLICE];
        private final float[] sums = new float[BATCH * SUMS];
        private final float[] panel = new float[MatKernel.SLICE * PANEL];
        private final float[] tokens = new float[Packing.TOGETHER * MatKernel.SLICE];
        /** For {@link Bf16}, made when first needed: the tile in pairs, and the sums. */
        private MemorySegment rounded;

        private long pairs() {
            if (rounded == null) {
                rounded = Arena.ofAuto().allocate((long) TILE_ROWS * Bf16.ROW + (long) BATCH * SUMS * Float.BYTES, 64);
            }
            return rounded.address();
        }
    }

    /** Vectors of a panel, 0 behind the last. */
    private static int vectors(int tokens, int panel) {
        int left = Math.clamp(tokens - (long) panel * PANEL, 0, PANEL);
        return (left + Species.LANES - 1) / Species.LANES;
    }

    /**
     * Packs panels {@code firstPanel} to {@code lastPanel - 1}.
     *
     * @param x address of activation row 0
     * @param xStride floats from one activation row to the next
     * @param rows which activation row each token is, for gathering the tokens of an expert; null means that token t is row t
     * @param firstToken where in {@code rows} the tokens begin, or the first row where rows is null
     * @param tokens number of tokens
     * @param columns columns of an activation row
     * @param panels address of {@link #panelFloats} floats, the beginning of all panels
     * @param bf16 whether they are for the same with weights
     * @param scratch the calling thread's
     */
    public static void packPanels(Packing packing, long x, long xStride, int[] rows, int firstToken, int tokens, int columns,
            int firstPanel, int lastPanel, long panels, boolean bf16, Scratch scratch) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            int width = vectors(tokens, panel) * Species.LANES;
            long to = panels + (long) panel * PANEL * columns * Float.BYTES;
            int count = Math.min(tokens - panel * PANEL, width);
            for (int column = 0; column < columns; column += MatKernel.SLICE) {
                int slice = Math.min(MatKernel.SLICE, columns - column);
                if (count < width) {
                    Arrays.fill(scratch.panel, 0, slice * width, 0f);
                }
                for (int t = 0; t < count; t += Packing.TOGETHER) {
                    int together = Math.min(Packing.TOGETHER, count - t);
                    for (int i = 0; i < together; i++) {
                        int token = firstToken + panel * PANEL + t + i;
                        long row = rows == null ? token : rows[token];
                        MemorySegment.copy(Memory.ALL, Memory.F32, x + (row * xStride + column) * Float.BYTES, scratch.tokens,
                                i * MatKernel.SLICE, slice);
                    }
                    Arrays.fill(scratch.tokens, together * MatKernel.SLICE, scratch.tokens.length, 0);
                    packing.scatterTogether(scratch.tokens, slice, scratch.panel, t, width);
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

    /**
     * Rows {@code from} to {@code to - 1} of the weights times all tokens.
     *
     * @param weights address of weight row 0
     * @param rowBytes bytes from one weight row to the next
     * @param panels address of the panels
     * @param out address of the result of result row 0 and weight row {@code from}
     * @param outStride floats from one result row to the next
     * @param outRows the result row of each token, for the tokens of an expert; null means that token t has row t
     * @param firstOut where in {@code outRows} the tokens begin
     * @param bf16 as the panels were packed
     * @param scratch the calling thread's
     */
    public static void multiply(MatKernel kernel, long weights, long rowBytes, int from, int to, int columns, long panels,
            int tokens, boolean bf16, long out, long outStride, int[] outRows, int firstOut, Scratch scratch) {
        int last = panels(tokens);
        for (int first = 0; first < last; first += BATCH) {
            int end = Math.min(last, first + BATCH);
            for (int row = from; row < to; row += TILE_ROWS) {
                int rows = Math.min(TILE_ROWS, to - row);
                tile(kernel, weights, rowBytes, row, rows, columns, panels, tokens, bf16, first, end, scratch);
                store(rows, tokens, first, end, scratch, out + (long) (row - from) * Float.BYTES, outStride * Float.BYTES,
                        outRows, firstOut);
            }
        }
    }

    private static void tile(MatKernel kernel, long weights, long rowBytes, int row, int rows, int columns, long panels,
            int tokens, boolean bf16, int first, int end, Scratch scratch) {
        int floats = (end - first) * SUMS;
        long pairs = bf16 ? scratch.pairs() : 0;
        long sums = pairs + (long) TILE_ROWS * Bf16.ROW;
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
                int vectors = vectors(tokens, panel);
                long x = panels + ((long) panel * PANEL * columns + (long) column * vectors * Species.LANES) * Float.BYTES;
                int at = (panel - first) * SUMS;
                if (bf16) {
                    Bf16.multiply(pairs, rows, x, vectors, width / 2, sums + (long) at * Float.BYTES);
                } else {
                    multiply(scratch.tile, 0, rows, x, vectors, width, scratch.sums, at);
                }
            }
        }
        if (bf16) {
            MemorySegment.copy(Memory.ALL, Memory.F32, sums, scratch.sums, 0, floats);
        }
    }

    /**
     * Some rows times a panel: {@code sums[row][lane] += sum over columns of rows[row][column] * x[column][lane]}.
     *
     * @param w the rows, from {@code w0} on, {@link MatKernel#SLICE} floats apart; read up to the next multiple of {@link #step}
     * @param x address of {@code [columns][vectors * lanes]} floats
     * @param vectors width of the panel, at most {@link #PANEL} floats
     * @param columns at most {@link MatKernel#SLICE}
     * @param sums {@code [row][vectors * lanes]} from {@code at} on; what lies behind the last row, up to the next multiple of
     *        {@link #step}, is lost
     */
    public static void multiply(float[] w, int w0, int rows, long x, int vectors, int columns, float[] sums, int at) {
        int width = vectors * Species.LANES;
        if (Starter.soft()) {
            plain(w, w0, rows, x, width, columns, sums, at);
            return;
        }
        int step = MICRO.rows(vectors);
        for (int r = 0; r < rows; r += step) {
            // rows of the tile behind the last are whatever was there before: their sums are not stored
            MICRO.run(vectors, w, w0 + r * MatKernel.SLICE, x, sums, at + r * width, columns);
        }
    }

    /** Rows that are worked on together, for a panel of so many vectors; divides {@link #TILE_ROWS}. */
    public static int step(int vectors) {
        return MICRO.rows(vectors);
    }

    private static void store(int rows, int tokens, int first, int end, Scratch scratch, long out, long outStride, int[] outRows,
            int firstOut) {
        for (int panel = first; panel < end; panel++) {
            int width = vectors(tokens, panel) * Species.LANES;
            int count = Math.min(tokens - panel * PANEL, PANEL);
            int c = (panel - first) * SUMS;
            for (int t = 0; t < count; t += Packing.TOGETHER) {
                for (int r = 0, at = c + t; r < rows; r++, at += width) {
                    scratch.tokens[r] = scratch.sums[at];
                    scratch.tokens[r + MatKernel.SLICE] = scratch.sums[at + 1];
                    scratch.tokens[r + 2 * MatKernel.SLICE] = scratch.sums[at + 2];
                    scratch.tokens[r + 3 * MatKernel.SLICE] = scratch.sums[at + 3];
                }
                for (int i = 0; i < Math.min(Packing.TOGETHER, count - t); i++) {
                    int token = panel * PANEL + t + i;
                    MemorySegment.copy(scratch.tokens, i * MatKernel.SLICE, Memory.ALL, Memory.F32,
                            out + (outRows == null ? token : outRows[firstOut + token]) * outStride, rows);
                }
            }
        }
    }

    /** What the micro-kernels compute, bit by bit, in plain loops. */
    private static void plain(float[] w, int w0, int rows, long x, int width, int columns, float[] sums, int at) {
        float[] panel = PANELS.get();
        MemorySegment.copy(Memory.ALL, Memory.F32, x, panel, 0, columns * width);
        for (int r = 0; r < rows; r++) {
            int to = at + r * width;
            for (int k = 0; k < columns; k++) {
                float factor = w[w0 + r * MatKernel.SLICE + k];
                for (int t = 0, from = k * width; t < width; t++) {
                    sums[to + t] = Math.fma(factor, panel[from + t], sums[to + t]);
                }
            }
        }
    }
}
