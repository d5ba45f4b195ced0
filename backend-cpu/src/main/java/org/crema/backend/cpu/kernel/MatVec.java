package org.crema.backend.cpu.kernel;

/** Products of a matrix of one weight type with one vector. Addresses as in {@link MatKernel}. */
public interface MatVec {
    /** The form that the vector has to be in. Products with the same form return the same object, so it is packed once for all of them. */
    Activations activations();

    /**
     * Rows {@code from} to {@code to - 1} of the matrix times one vector.
     *
     * @param weights address of row 0
     * @param rowBytes bytes from one row to the next
     * @param columns weights per row, a multiple of the block size
     * @param packed address of the vector as {@link Activations#pack} wrote it
     * @param out address of the result of row {@code from}; {@code to - from} floats are written
     */
    void matVec(long weights, long rowBytes, int from, int to, int columns, long packed, long out);
}
