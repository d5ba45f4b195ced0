package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;

/** Decodes one block; the ranges have been checked. */
@FunctionalInterface
interface BlockDecoder {
    /**
     * @param b holds the block
     * @param p the byte of {@code b} at which the block starts
     * @param w receives the weights
     * @param i the index in {@code w} of the block's first weight
     */
    void decode(MemorySegment b, long p, float[] w, int i);
}
