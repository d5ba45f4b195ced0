package org.crema.backend.cpu.kernel;

import org.crema.kernels.quant.QuantType;

/**
 * Products with the weights of one type: the mat-vec of decoding and the tiles of prefill.
 *
 * <p>Every address is an absolute native address. Weights may lie at any byte; activations, packed activations and results
 * are f32 in native order, best at multiples of 64 bytes. The caller has checked the ranges and keeps the arenas alive: a wrong
 * address takes the JVM down. No kernel reads beyond the last block of the last row it was given, or allocates. A kernel has no
 * state and may be used by any number of threads.
 */
public interface MatKernel extends MatVec {
    /** Columns of a slice, the unit in which tiles and panels are cut. Every block size divides it. */
    int SLICE = 256;

    /** The kernel of a weight type for this machine's vector width, with the usual {@link Tuning}. */
    static MatKernel of(QuantType type) {
        return of(type, Tuning.usual(type));
    }

    /** The kernel of a weight type for this machine's vector width. */
    static MatKernel of(QuantType type, Tuning tuning) {
        return GeneratedKernels.kernel(type, Species.LANES, tuning);
    }

    /** The type of the weights. */
    QuantType type();

    /**
     * The order in which this kernel wants its activations. Kernels with the same order return the same object, so a vector is
     * packed once for all of them.
     */
    Packing packing();

    @Override
    default Activations activations() {
        return packing();
    }

    /**
     * Turns a tile of weights to floats, exactly as the codec of the type does: row {@code firstRow + i}, columns
     * {@code firstColumn} and following, to floats {@code i * SLICE} and following of the tile, in the order of {@link #packing}.
     *
     * @param weights address of row 0
     * @param rowBytes bytes from one row to the next
     * @param firstColumn a multiple of {@link #SLICE}
     * @param columns at most {@link #SLICE}, a multiple of the block size
     * @param tile at least {@code rows * SLICE} floats
     */
    void dequantTile(long weights, long rowBytes, int firstRow, int rows, int firstColumn, int columns, float[] tile);
}
