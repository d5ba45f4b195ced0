package org.crema.bench.jmh;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.crema.kernels.conformance.RandomBlocks;
import org.crema.kernels.quant.QuantType;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A matrix of one type, and activations. */
@State(Scope.Thread)
public class Matrix {
    static final int COLUMNS = 4096;
    static final int TOKENS = 128;

    /** The matrix' type. */
    @Param({"F16", "Q8_0", "Q5_0", "Q4_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "IQ3_XXS", "IQ2_XS",
        "IQ1_M"})
    public QuantType type;

    /** A multiple of the rows of a tile. 96 fit in a second-level cache, 9600 in no cache. */
    @Param({"96", "9600"})
    public int rows;

    private Arena arena;
    long weights;
    long rowBytes;
    long activations;
    long out;

    @Setup(Level.Trial)
    public void fill() {
        arena = Arena.ofShared();
        rowBytes = type.rowBytes(COLUMNS);
        MemorySegment matrix = arena.allocate(rows * rowBytes, 4096);
        RandomBlocks.fillLarge(type, matrix, 0, matrix.byteSize() / type.blockBytes(), 0.1, new SplittableRandom(1));
        MemorySegment x = allocate((long) TOKENS * COLUMNS);
        SplittableRandom random = new SplittableRandom(2);
        for (long i = 0; i < (long) TOKENS * COLUMNS; i++) {
            x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        weights = matrix.address();
        activations = x.address();
        out = allocate((long) TOKENS * rows).address();
    }

    /** So many floats, freed with the matrix. */
    MemorySegment allocate(long floats) {
        return arena.allocate(4 * floats, 64);
    }

    long bytes() {
        return rows * rowBytes;
    }

    double operations(int tokens) {
        return 2.0 * rows * COLUMNS * tokens;
    }

    @TearDown(Level.Trial)
    public void free() {
        arena.close();
    }
}
