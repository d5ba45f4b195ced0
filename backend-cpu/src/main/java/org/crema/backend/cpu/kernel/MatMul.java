package org.crema.backend.cpu.kernel;

/**
 * Products of a matrix of one weight type with many vectors, the tokens: {@code out[token][row] = sum over columns of x[token][column] *
 * w[row][column]}. Activations are packed to panels of {@link Gemm#PANEL} tokens once, then each tile of weight rows meets all panels. The
 * panels may be packed by several threads (each some panels) and are read by all; the rows may be shared among threads as one likes, best in multiples
 * of {@link Gemm#TILE_ROWS}; each thread has its own {@link Gemm.Scratch}. Addresses as in {@link MatKernel}.
 */
public interface MatMul {
    /** What the panels hold: products of equal forms can share them. */
    Object form();

    /** Bytes that the panels of so many tokens take: those of full panels, and of one that may be smaller. */
    long panelBytes(int tokens, int columns);

    /**
     * Packs panels {@code firstPanel} to {@code lastPanel - 1}.
     *
     * @param x address of activation row 0
     * @param xStride floats from one activation row to the next
     * @param rows which activation row each token is, for gathering the tokens of an expert; null means that token t is row t
     * @param firstToken where in {@code rows} the tokens begin, or the first row where rows is null
     * @param tokens number of tokens
     * @param columns columns of an activation row
     * @param panels address of {@link #panelBytes} bytes, the beginning of all panels
     * @param scratch the calling thread's
     */
    void packPanels(long x, long xStride, int[] rows, int firstToken, int tokens, int columns, int firstPanel, int lastPanel,
            long panels, Gemm.Scratch scratch);

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
     * @param scratch the calling thread's
     */
    void multiply(long weights, long rowBytes, int from, int to, int columns, long panels, int tokens, long out, long outStride,
            int[] outRows, int firstOut, Gemm.Scratch scratch);
}
