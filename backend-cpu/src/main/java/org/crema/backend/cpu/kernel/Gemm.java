package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What products of many tokens are made of: panels, micro-kernels in f32, and memory.
 *
 * <p>A panel holds {@link #PANEL} tokens; of the last one as many are multiplied as its tokens need, rounded up to a vector.
 */
public final class Gemm {
    /** Weight rows of a tile. */
    public static final int TILE_ROWS = 96;
    /** Tokens of a full panel. */
    public static final int PANEL = Species.LANES * (Species.LANES == 8 ? 2 : 4);

    /** Most rows that are worked on together. */
    public static final int STEP = 12;

    /** Panels whose sums are kept at a time: with the tile they stay in the second-level cache. */
    static final int BATCH = 512 / PANEL;
    private static final long NATIVE_TILE = 64 << 10;
    static final int SUMS = TILE_ROWS * PANEL;
    static final MicroKernels MICRO = GeneratedKernels.microKernels(Species.LANES);

    /** Of a thread, a panel's slice on the heap for {@link #plain}: arrays are quick before anything is compiled. */
    private static final ThreadLocal<float[]> PANELS = ThreadLocal.withInitial(() -> new float[MatKernel.SLICE * PANEL]);

    private Gemm() {}

    /** The number of panels for so many tokens. */
    public static int panels(int tokens) {
        return (tokens + PANEL - 1) / PANEL;
    }

    /** Floats that the panels of so many tokens take, in f32. */
    static long panelFloats(int tokens, int columns) {
        int full = tokens / PANEL;
        return (full * (long) PANEL + (long) Species.LANES * vectors(tokens, full)) * columns;
    }

    /** Memory for one thread: a tile of weights and its sums, a panel's slice and some tokens of it; 365 KB, and 260 KB for machine code. */
    public static final class Scratch {
        final float[] tile = new float[TILE_ROWS * MatKernel.SLICE];
        final float[] sums = new float[BATCH * SUMS];
        final float[] panel = new float[MatKernel.SLICE * PANEL];
        final float[] tokens = new float[Packing.TOGETHER * MatKernel.SLICE];
        /** For machine code, made when first needed. */
        private MemorySegment memory;

        /** Address of a tile of weights, at most 64 KB. */
        long nativeTile() {
            if (memory == null) {
                memory = Arena.ofAuto().allocate(NATIVE_TILE + (long) BATCH * SUMS * Float.BYTES, 64);
            }
            return memory.address();
        }

        /** Address of as many sums as {@link #sums}. */
        long nativeSums() {
            return nativeTile() + NATIVE_TILE;
        }
    }

    /** Vectors of a panel, 0 behind the last. */
    static int vectors(int tokens, int panel) {
        int left = Math.clamp(tokens - (long) panel * PANEL, 0, PANEL);
        return (left + Species.LANES - 1) / Species.LANES;
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
