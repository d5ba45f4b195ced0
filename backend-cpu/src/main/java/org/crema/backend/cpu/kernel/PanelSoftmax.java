package org.crema.backend.cpu.kernel;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static org.crema.backend.cpu.kernel.Exponential.HIGHEST;
import static org.crema.backend.cpu.kernel.Exponential.LN2_HIGH;
import static org.crema.backend.cpu.kernel.Exponential.LN2_LOW;
import static org.crema.backend.cpu.kernel.Exponential.LOG2_E;
import static org.crema.backend.cpu.kernel.Exponential.LOWEST;
import static org.crema.backend.cpu.kernel.Exponential.ROUND;
import static org.crema.backend.cpu.kernel.Exponential.exp;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Softmax along with the keys (Milakov and Gimelshein, arXiv 1805.02867) for a panel of queries at once: scores lie as
 * {@link Gemm#multiply} leaves them, {@code [key][query]}, so each lane is a query and nothing is added up across lanes.
 */
public final class PanelSoftmax {
    /** The score of a key that a query does not see: its weight is 1e-38 of the largest at most, which adds nothing. */
    private static final float UNSEEN = -1e30f;

    private static final int L = Species.LANES;
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, VectorShape.forBitSize(Float.SIZE * L));

    private PanelSoftmax() {}

    /**
     * Sets the scores of keys that a query does not see to what has no weight.
     *
     * @param scores {@code [key][width]}
     * @param width queries, rounded up to whole vectors
     * @param begin per query, the first key that it sees
     * @param end per query, the first key that it no longer sees
     */
    public static void hide(float[] scores, int keys, int width, int[] begin, int[] end) {
        for (int q = 0; q < width; q++) {
            for (int k = 0; k < Math.min(begin[q], keys); k++) {
                scores[k * width + q] = UNSEEN;
            }
            for (int k = end[q]; k < keys; k++) {
                scores[k * width + q] = UNSEEN;
            }
        }
    }

    /**
     * Takes the scores of some keys into account. A query sees one of them, or has seen one before.
     *
     * @param scores {@code [key][width]}
     * @param width queries, rounded up to whole vectors
     * @param state brought up to date, three runs of {@code width} from {@code at} on: the largest score so far, the sum of
     *        exponentials so far, and by what to multiply that which was summed up with the exponentials before
     * @param weights address of {@code [key][width]} floats: the exponentials
     * @return whether a factor is other than 1
     */
    public static boolean add(float[] scores, int keys, int width, float[] state, int at, long weights) {
        boolean changed = false;
        for (int q = 0; q < width; q += L) {
            changed |= Starter.soft()
                    ? plain(scores, keys, width, q, state, at + q, weights + 4L * q)
                    : run(scores, keys, width, q, state, at + q, weights + 4L * q);
        }
        return changed;
    }

    static boolean run(float[] scores, int keys, int width, int q, float[] state, int at, long weights) {
        FloatVector before = FloatVector.fromArray(F, state, at);
        FloatVector most = before;
        for (int k = 0, i = q; k < keys; k++, i += width) {
            most = most.max(FloatVector.fromArray(F, scores, i));
        }
        FloatVector total = FloatVector.zero(F);
        long to = weights;
        for (int k = 0, i = q; k < keys; k++, i += width, to += 4L * width) {
            FloatVector in = FloatVector.fromArray(F, scores, i).sub(most).min(HIGHEST).max(LOWEST);
            FloatVector shifted = in.fma(FloatVector.broadcast(F, LOG2_E), FloatVector.broadcast(F, ROUND));
            FloatVector n = shifted.sub(ROUND);
            FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), in);
            r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
            FloatVector p = r.fma(FloatVector.broadcast(F, 1 / 5040f), FloatVector.broadcast(F, 1 / 720f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
            p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
            p = p.fma(r, FloatVector.broadcast(F, 0.5f));
            p = p.fma(r, FloatVector.broadcast(F, 1f));
            p = p.fma(r, FloatVector.broadcast(F, 1f));
            FloatVector e = p.reinterpretAsInts().add(shifted.reinterpretAsInts().lanewise(LSHL, 23)).reinterpretAsFloats();
            e.intoMemorySegment(Memory.ALL, to, Memory.NATIVE);
            total = total.add(e);
        }
        boolean changed = before.compare(LT, most).anyTrue();
        most.intoArray(state, at);
        before.intoArray(state, at + 2 * width);
        factors(changed, width, state, at);
        FloatVector factor = FloatVector.fromArray(F, state, at + 2 * width);
        FloatVector.fromArray(F, state, at + width).mul(factor).add(total).intoArray(state, at + width);
        return changed;
    }

    /** What {@link #run} computes, bit by bit. */
    static boolean plain(float[] scores, int keys, int width, int q, float[] state, int at, long weights) {
        boolean changed = false;
        for (int i = 0; i < L; i++) {
            float before = state[at + i];
            float most = before;
            for (int k = 0; k < keys; k++) {
                most = Math.max(most, scores[k * width + q + i]);
            }
            changed |= before < most;
            state[at + i] = most;
            state[at + 2 * width + i] = before;
        }
        factors(changed, width, state, at);
        for (int i = 0; i < L; i++) {
            float total = 0;
            for (int k = 0; k < keys; k++) {
                float e = exp(scores[k * width + q + i] - state[at + i]);
                Memory.ALL.set(Memory.F32, weights + 4L * (k * width + i), e);
                total += e;
            }
            state[at + width + i] = state[at + width + i] * state[at + 2 * width + i] + total;
        }
        return changed;
    }

    /** From the largest scores before and now. Plain loops: they settle soon. */
    private static void factors(boolean changed, int width, float[] state, int at) {
        for (int i = at; i < at + L; i++) {
            state[i + 2 * width] = changed ? exp(state[i + 2 * width] - state[i]) : 1;
        }
    }

    /** {@code sums[row][query] *= factor[query]}, with the factors behind {@code factor}. */
    public static void scale(float[] sums, int at, int rows, int width, float[] state, int factor) {
        for (int r = 0, i = at; r < rows; r++, i += width) {
            for (int q = 0; q < width; q++) {
                sums[i + q] *= state[factor + q];
            }
        }
    }
}
