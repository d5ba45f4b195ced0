package org.crema.backend.cpu.kernel;

/** The inner products of prefill. */
interface MicroKernels {
    /** Tile rows that one call multiplies by a panel as wide as so many vectors; divides {@link Gemm#TILE_ROWS}. */
    int rows(int vectors);

    /**
     * {@code c[r][t] += sum over k of w[r][k] * x[k][t]} for {@link #rows} rows and a panel of {@code vectors} vectors.
     *
     * @param w the tile, from {@code w0} on; a row follows the other after {@link MatKernel#SLICE} floats
     * @param x address of the panel's slice, {@code [columns][tokens]}
     * @param c the sums, from {@code c0} on, {@code [rows][tokens]}
     */
    void run(int vectors, float[] w, int w0, long x, float[] c, int c0, int columns);
}
