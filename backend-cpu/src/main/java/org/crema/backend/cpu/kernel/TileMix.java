package org.crema.backend.cpu.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Mixes the rows of a tile of weights, for the product of one vector with a matrix that is the other way round. */
public final class TileMix {
    private static final int L = Species.LANES;
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, VectorShape.forBitSize(Float.SIZE * L));

    private TileMix() {}

    /**
     * {@code sums[at + c] += sum over r of factors[first + r] · tile[r][c]}, r ascending.
     *
     * @param tile as {@link MatKernel#dequantTile} leaves it
     * @param columns at most {@link MatKernel#SLICE}
     */
    public static void add(float[] tile, int rows, int columns, float[] factors, int first, float[] sums, int at) {
        int whole = Starter.soft() ? 0 : run(tile, rows, columns, factors, first, sums, at);
        for (int r = 0; r < rows && whole < columns; r++) {
            float factor = factors[first + r];
            for (int c = whole, t = r * MatKernel.SLICE + whole; c < columns; c++, t++) {
                sums[at + c] = Math.fma(tile[t], factor, sums[at + c]);
            }
        }
    }

    /** Whole vectors of columns; returns how many columns. */
    static int run(float[] tile, int rows, int columns, float[] factors, int first, float[] sums, int at) {
        int c = 0;
        for (; c <= columns - 4 * L; c += 4 * L) {
            FloatVector a0 = FloatVector.fromArray(F, sums, at + c);
            FloatVector a1 = FloatVector.fromArray(F, sums, at + c + L);
            FloatVector a2 = FloatVector.fromArray(F, sums, at + c + 2 * L);
            FloatVector a3 = FloatVector.fromArray(F, sums, at + c + 3 * L);
            for (int r = 0, t = c; r < rows; r++, t += MatKernel.SLICE) {
                FloatVector factor = FloatVector.broadcast(F, factors[first + r]);
                a0 = FloatVector.fromArray(F, tile, t).fma(factor, a0);
                a1 = FloatVector.fromArray(F, tile, t + L).fma(factor, a1);
                a2 = FloatVector.fromArray(F, tile, t + 2 * L).fma(factor, a2);
                a3 = FloatVector.fromArray(F, tile, t + 3 * L).fma(factor, a3);
            }
            a0.intoArray(sums, at + c);
            a1.intoArray(sums, at + c + L);
            a2.intoArray(sums, at + c + 2 * L);
            a3.intoArray(sums, at + c + 3 * L);
        }
        for (; c <= columns - L; c += L) {
            FloatVector a = FloatVector.fromArray(F, sums, at + c);
            for (int r = 0, t = c; r < rows; r++, t += MatKernel.SLICE) {
                a = FloatVector.fromArray(F, tile, t).fma(FloatVector.broadcast(F, factors[first + r]), a);
            }
            a.intoArray(sums, at + c);
        }
        return c;
    }
}
