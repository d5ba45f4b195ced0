package org.crema.backend.cpu;

import static org.crema.backend.cpu.Native.f32;
import static org.crema.backend.cpu.Native.i32;

import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Place;
import org.crema.kernels.Op;
import org.crema.kernels.Routing;

/** Chooses experts from router logits that are there already. */
final class GateTask extends RowTask {
    private final Place ids;
    private final Place weights;
    private final Routing routing;
    private final Buffer logits;
    private final Plan.Vector bias;
    /** Of each thread, in double: what is saturated in float would tie. */
    private final double[][] probabilities;
    private final double[][] scores;
    /** Of each thread: which groups are kept, which experts are taken. */
    private final boolean[][] kept;
    private final boolean[][] taken;

    /** @param logits tokens × experts */
    GateTask(Plan plan, Op.GateExperts op, Buffer logits) {
        super(op.ids().rows(), op.routing().experts() * (2L + op.routing().used()));
        this.logits = logits;
        ids = plan.place(op.ids());
        weights = plan.place(op.weights());
        routing = op.routing();
        bias = op.bias().map(plan::vector).orElse(null);
        probabilities = new double[plan.threads()][routing.experts()];
        scores = new double[plan.threads()][routing.experts()];
        kept = new boolean[plan.threads()][routing.groups()];
        taken = new boolean[plan.threads()][routing.experts()];
    }

    @Override
    void row(Batch step, int row, int thread) {
        int experts = routing.experts();
        double[] probability = probabilities[thread];
        score(logits.at() + 4L * experts * row, probability);
        double[] score = scores[thread];
        for (int e = 0; e < experts; e++) {
            score[e] = bias == null ? probability[e] : probability[e] + f32(bias.at() + 4L * e);
        }
        keepGroups(score, kept[thread]);
        boolean[] out = taken[thread];
        int size = experts / routing.groups();
        for (int e = 0; e < experts; e++) {
            out[e] = !kept[thread][e / size];
        }
        double sum = 0;
        for (int j = 0; j < routing.used(); j++) {
            int best = best(score, out);
            out[best] = true;
            sum += probability[best];
            i32(ids.row(row) + 4L * j, best);
        }
        double factor = routing.normalise() ? routing.scale() / sum : routing.scale();
        for (int j = 0; j < routing.used(); j++) {
            f32(weights.row(row) + 4L * j, (float) (probability[i32(ids.row(row) + 4L * j)] * factor));
        }
    }

    private void score(long logit, double[] probability) {
        switch (routing.scoring()) {
            case SOFTMAX -> {
                double most = Double.NEGATIVE_INFINITY;
                for (int e = 0; e < probability.length; e++) {
                    most = Math.max(most, f32(logit + 4L * e));
                }
                double sum = 0;
                for (int e = 0; e < probability.length; e++) {
                    probability[e] = Math.exp(f32(logit + 4L * e) - most);
                    sum += probability[e];
                }
                for (int e = 0; e < probability.length; e++) {
                    probability[e] /= sum;
                }
            }
            case SIGMOID -> {
                for (int e = 0; e < probability.length; e++) {
                    probability[e] = 1 / (1 + Math.exp(-f32(logit + 4L * e)));
                }
            }
        }
    }

    private void keepGroups(double[] scores, boolean[] keep) {
        int groups = routing.groups();
        int size = routing.experts() / groups;
        for (int g = 0; g < groups; g++) {
            keep[g] = routing.groupsUsed() == groups;
        }
        for (int j = 0; j < routing.groupsUsed() && routing.groupsUsed() < groups; j++) {
            int best = -1;
            double bestScore = 0;
            for (int g = 0; g < groups; g++) {
                if (!keep[g]) {
                    double score = groupScore(scores, g * size, size);
                    if (best < 0 || better(score, bestScore)) {
                        best = g;
                        bestScore = score;
                    }
                }
            }
            keep[best] = true;
        }
    }

    private double groupScore(double[] scores, int from, int size) {
        double first = Double.NaN;
        double second = Double.NaN;
        for (int e = from; e < from + size; e++) {
            if (better(scores[e], first)) {
                second = first;
                first = scores[e];
            } else if (better(scores[e], second)) {
                second = scores[e];
            }
        }
        return routing.groupScore() == Routing.GroupScore.MAX || size == 1 ? first : first + second;
    }

    /** The best that is not out, the lower number of equal ones. */
    private static int best(double[] scores, boolean[] out) {
        int best = -1;
        for (int e = 0; e < scores.length; e++) {
            if (!out[e] && (best < 0 || better(scores[e], scores[best]))) {
                best = e;
            }
        }
        return best;
    }

    /** NaN is the least. */
    private static boolean better(double a, double b) {
        return a > b || (Double.isNaN(b) && !Double.isNaN(a));
    }
}
