package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;

/** Turns blocks of one format into floats. Stateless and safe for any number of threads. */
public interface Codec {
    /**
     * Decodes {@code count} consecutive values, in the order they have in their row.
     *
     * @param src where the blocks are: little-endian, at any alignment, in or outside the heap
     * @param offset the byte of {@code src} at which the first block starts
     * @param dst receives the values
     * @param at the index in {@code dst} of the first value
     * @param count how many values, a multiple of the block size; 0 does nothing
     * @throws IllegalArgumentException if {@code count} is negative or not a multiple of the block size
     * @throws IndexOutOfBoundsException if the blocks or the values lie outside {@code src} or {@code dst}
     */
    void decode(MemorySegment src, long offset, float[] dst, int at, int count);
}
