package org.crema.kernels.reference;

import java.util.Arrays;
import org.crema.kernels.Routing;

/** The experts of one token, best first, and what each counts. */
final class Choice {
    private final int[] ids;
    private final double[] weights;

    private Choice(int[] ids, double[] weights) {
        this.ids = ids;
        this.weights = weights;
    }

    void store(int[] idCells, int idAt, float[] weightCells, int weightAt) {
        for (int j = 0; j < ids.length; j++) {
            idCells[idAt + j] = ids[j];
            weightCells[weightAt + j] = (float) weights[j];
        }
    }

    /** @param bias added to the probabilities for the choice, not for the weights; one per expert */
    static Choice of(double[] logits, float[] bias, Routing routing) {
        double[] probability = probabilities(logits, routing.scoring());
        double[] score = new double[probability.length];
        for (int e = 0; e < score.length; e++) {
            score[e] = probability[e] + bias[e];
        }
        boolean[] free = expertsOfKeptGroups(score, routing);
        int[] ids = new int[routing.used()];
        double[] weights = new double[routing.used()];
        double sum = 0;
        for (int j = 0; j < ids.length; j++) {
            ids[j] = takeBest(score, free, 0, score.length);
            weights[j] = probability[ids[j]];
            sum += weights[j];
        }
        for (int j = 0; j < ids.length; j++) {
            weights[j] = (routing.normalise() ? weights[j] / sum : weights[j]) * routing.scale();
        }
        return new Choice(ids, weights);
    }

    private static double[] probabilities(double[] logits, Routing.Scoring scoring) {
        double[] p = logits.clone();
        switch (scoring) {
            case SOFTMAX -> Interpreter.softmax(p);
            case SIGMOID -> {
                for (int e = 0; e < p.length; e++) {
                    p[e] = 1 / (1 + Math.exp(-p[e]));
                }
            }
        }
        return p;
    }

    private static boolean[] expertsOfKeptGroups(double[] score, Routing routing) {
        int size = routing.experts() / routing.groups();
        double[] groupScore = new double[routing.groups()];
        boolean[] groupFree = new boolean[routing.groups()];
        for (int g = 0; g < groupScore.length; g++) {
            groupFree[g] = true;
            groupScore[g] = groupScore(score, g * size, size, routing.groupScore());
        }
        boolean[] free = new boolean[score.length];
        for (int i = 0; i < routing.groupsUsed(); i++) {
            int g = takeBest(groupScore, groupFree, 0, groupScore.length);
            Arrays.fill(free, g * size, (g + 1) * size, true);
        }
        return free;
    }

    private static double groupScore(double[] score, int from, int size, Routing.GroupScore rule) {
        boolean[] free = new boolean[score.length];
        Arrays.fill(free, true);
        double best = score[takeBest(score, free, from, from + size)];
        return switch (rule) {
            case MAX -> best;
            case TOP2_SUM -> size == 1 ? best : best + score[takeBest(score, free, from, from + size)];
        };
    }

    /** The best that is still free, which it then is no more: of equal ones the first; NaN only if there is nothing else. */
    private static int takeBest(double[] score, boolean[] free, int from, int to) {
        int best = -1;
        for (int i = from; i < to; i++) {
            if (free[i] && (best < 0 || score[i] > score[best] || (Double.isNaN(score[best]) && !Double.isNaN(score[i])))) {
                best = i;
            }
        }
        free[best] = false;
        return best;
    }
}
