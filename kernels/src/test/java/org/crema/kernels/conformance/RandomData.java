package org.crema.kernels.conformance;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/** Weights and activations of a case, all from one seed. */
final class RandomData {
    /** Standard deviation of a weight, much the same in every block, so that no block drowns another's mistake. */
    static final double WEIGHT_RMS = 0.1;

    /** Bytes from which on a weight is there to be timed, not to be checked. */
    private static final long LARGE = 1 << 23;

    /** What lies before and after a weight; an odd multiple of 32, as in a file with the usual alignment. */
    private static final int MARGIN = 96;

    private final SplittableRandom random;
    private final Arena arena;

    RandomData(long seed, Arena arena) {
        this.random = new SplittableRandom(seed);
        this.arena = arena;
    }

    Arena arena() {
        return arena;
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    float gaussian() {
        return (float) random.nextGaussian();
    }

    /** The numbers below n in random order. */
    int[] shuffled(int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** One random matrix. */
    Weight weight(String name, QuantType type, int rows, int columns) {
        return weight(name, type, 1, rows, columns);
    }

    /** Random matrices, of blocks with any bits but a sane size. */
    Weight weight(String name, QuantType type, int count, int rows, int columns) {
        long bytes = count * rows * type.rowBytes(columns);
        MemorySegment data = allocate(bytes);
        if (bytes > LARGE) {
            RandomBlocks.fillLarge(type, data, 0, bytes / type.blockBytes(), WEIGHT_RMS, random);
        } else {
            RandomBlocks.fill(type, data, 0, bytes / type.blockBytes(), WEIGHT_RMS, random);
        }
        return new Weight(name, type, count, rows, columns, data);
    }

    /** A norm's weight: around 1. */
    Weight scales(String name, QuantType type, int columns) {
        if (type.blockSize() > 1) {
            return weight(name, type, 1, columns);
        }
        float[] values = new float[columns];
        for (int i = 0; i < columns; i++) {
            values[i] = 1 + 0.2f * gaussian();
        }
        return vectors(name, type, 1, values);
    }

    /** A weight of given values, in a type without blocks. */
    Weight vectors(String name, QuantType type, int rows, float... values) {
        MemorySegment data = allocate((long) values.length * type.blockBytes());
        for (int i = 0; i < values.length; i++) {
            encode(type, values[i], data, (long) i * type.blockBytes());
        }
        return new Weight(name, type, 1, rows, values.length / rows, data);
    }

    /** Memory between margins that are NaN in every type with a floating-point scale. */
    private MemorySegment allocate(long bytes) {
        MemorySegment all = arena.allocate(bytes + 2 * MARGIN, 64);
        all.fill((byte) 0xFF);
        return all.asSlice(MARGIN, bytes);
    }

    private static void encode(QuantType type, double value, MemorySegment to, long at) {
        switch (type) {
            case F32 -> to.set(JAVA_FLOAT_UNALIGNED, at, (float) value);
            case F16 -> put16(to, at, Float.floatToFloat16((float) value));
            case BF16 -> put16(to, at, (short) (Float.floatToRawIntBits((float) value) >> 16));
            default -> throw new IllegalArgumentException(type + " has blocks");
        }
    }

    private static void put16(MemorySegment to, long at, short bits) {
        to.set(JAVA_BYTE, at, (byte) bits);
        to.set(JAVA_BYTE, at + 1, (byte) (bits >> 8));
    }
}
