package org.crema.backend.cpu.gen;

import java.util.function.Consumer;
import org.crema.kernels.quant.QuantType;

/**
 * How the weights of one type come out of a block.
 *
 * @param block describes one block
 * @param weights weights that one call of {@code block} yields (the block size, except for types without blocks)
 * @param bytes their bytes
 * @param unroll blocks per turn of the loop
 * @param rows rows that share the activations when {@code together}
 * @param widest most lanes that are useful
 * @param counted whether C2 is to see that loops over blocks are counted. Then it makes checks of addresses dear and checks of array
 *     indices cheap, so it pays where tables are looked up, and only there
 * @param fractions whether fields are taken as {@link Site.Values#fraction}
 */
record Format(QuantType type, Consumer<Site> block, int weights, int bytes, int unroll, int rows, int widest, boolean counted,
        boolean fractions) {
    /** A type of which a block is worth a turn of the loop. */
    static Format large(QuantType type, Consumer<Site> block) {
        return new Format(type, block, type.blockSize(), type.blockBytes(), 1, 2, 16, false, false);
    }

    /** A type with small blocks, several of which make a turn. */
    static Format small(QuantType type, int rows, Consumer<Site> block) {
        return new Format(type, block, type.blockSize(), type.blockBytes(), 2, rows, 16, false, false);
    }

    /** A type that is looked up eight weights at a time. */
    static Format grid(QuantType type, Consumer<Site> block) {
        return new Format(type, block, type.blockSize(), type.blockBytes(), 1, 1, 8, true, false);
    }

    /** A type without blocks: every vector of weights counts as a block. */
    static Format plain(QuantType type, int lanes, Consumer<Site> block) {
        return new Format(type, block, lanes, lanes * type.blockBytes(), 4, 4, 16, false, false);
    }

    /**
     * The same, with fields taken as fractions of floats instead of converted: as many instructions, one less with AVX-512, where
     * {@code and} and {@code or} are one, and far fewer nodes for C2.
     */
    Format asFractions() {
        return new Format(type, block, weights, bytes, unroll, rows, widest, counted, true);
    }

    int blockSize() {
        return type.blockSize();
    }
}
