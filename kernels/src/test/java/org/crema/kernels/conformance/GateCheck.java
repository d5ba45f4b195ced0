package org.crema.kernels.conformance;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Routing;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/**
 * Checks chosen experts against the routing itself: a choice is right if it is the best one for probabilities that rounding could
 * have given. Weights are then checked for the experts that were chosen.
 */
final class GateCheck {
    private final Op.GateExperts op;
    private final Routing routing;
    private final double logitError;
    private final boolean loose;
    private final double tolerance;
    private final List<String> faults = new ArrayList<>();
    private double error;
    private double power;

    private GateCheck(Scenario scenario, Op.GateExperts op, Precision precision) {
        this.op = op;
        this.routing = op.routing();
        this.loose = !scenario.exactIds();
        this.logitError = precision == Precision.F32 ? Tolerance.LOGIT_F32 : Tolerance.LOGIT_FAST;
        this.tolerance = Tolerance.of(op, scenario.cacheType(), precision);
    }

    static List<String> faults(Scenario scenario, Op.GateExperts op, Precision precision, List<Map<Slot, int[]>> expected,
            List<Map<Slot, int[]>> found) {
        GateCheck check = new GateCheck(scenario, op, precision);
        for (int round = 0; round < found.size(); round++) {
            int[] in = scenario.rounds().get(round).inputs().get(op.in().slot());
            Map<Slot, int[]> have = found.get(round);
            Map<Slot, int[]> want = expected.get(round);
            for (int t = 0; t < scenario.rounds().get(round).step().tokens(); t++) {
                int[] ids = row(op.ids(), have.get(op.ids().slot()), t);
                int[] wantIds = row(op.ids(), want.get(op.ids().slot()), t);
                String place = "step " + round + ", token " + t + ": experts " + Arrays.toString(ids) + " for "
                        + Arrays.toString(wantIds) + ": ";
                check.token(place, check.probabilities(in, t), ids, wantIds, row(op.weights(), have.get(op.weights().slot()),
                        t));
            }
        }
        if (check.error > check.tolerance * check.power) {
            check.faults.add("weights of the chosen experts: NMSE %.2g (at most %.2g)".formatted(check.error / check.power,
                    check.tolerance));
        }
        return check.faults.subList(0, Math.min(3, check.faults.size()));
    }

    private static int[] row(View view, int[] cells, int row) {
        int from = row * view.slot().columns() + view.first();
        return Arrays.copyOfRange(cells, from, from + view.width());
    }

    private void token(String place, double[] p, int[] ids, int[] wantIds, int[] weights) {
        boolean[] chosen = new boolean[p.length];
        for (int id : ids) {
            if (id < 0 || id >= p.length || chosen[id]) {
                faults.add(place + (id < 0 || id >= p.length ? "out of range" : "not distinct"));
                return;
            }
            chosen[id] = true;
        }
        boolean nan = Arrays.stream(p).anyMatch(Double::isNaN);
        if ((nan || !loose) && !Arrays.equals(ids, wantIds)) {
            faults.add(place + "there is no near tie to explain it");
            return;
        }
        if (!nan && loose && !best(p, ids, chosen)) {
            faults.add(place + "others have more than rounding explains; probabilities " + Arrays.toString(p));
            return;
        }
        double sum = 0;
        for (int id : ids) {
            sum += p[id];
        }
        for (int j = 0; j < ids.length; j++) {
            double want = p[ids[j]] / (routing.normalise() ? sum : 1) * routing.scale();
            double have = Float.intBitsToFloat(weights[j]);
            if (Double.isFinite(want)) {
                if (!Double.isFinite(have)) {
                    faults.add(place + "weight " + have + " for " + want);
                    return;
                }
                power += want * want;
                error += (have - want) * (have - want);
            }
        }
    }

    /** Whether some probabilities within rounding of p make these the best experts, in this order. */
    private boolean best(double[] p, int[] ids, boolean[] chosen) {
        float[] bias = op.bias().map(GateCheck::vector).orElseGet(() -> new float[p.length]);
        double[] low = new double[p.length];
        double[] high = new double[p.length];
        for (int e = 0; e < p.length; e++) {
            // The derivative of both scorings by their logits is at most p.
            low[e] = p[e] * (1 - 2 * logitError) + bias[e];
            high[e] = p[e] * (1 + 2 * logitError) + bias[e];
        }
        for (int j = 1; j < ids.length; j++) {
            if (high[ids[j - 1]] < low[ids[j]]) {
                return false;
            }
        }
        int size = p.length / routing.groups();
        double[] groupLow = new double[routing.groups()];
        double[] groupHigh = new double[routing.groups()];
        boolean[] groupChosen = new boolean[routing.groups()];
        for (int g = 0; g < groupLow.length; g++) {
            groupLow[g] = groupScore(low, g * size, size);
            groupHigh[g] = groupScore(high, g * size, size);
            for (int e = g * size; e < (g + 1) * size; e++) {
                groupChosen[g] |= chosen[e];
            }
        }
        for (int g = 0; g < groupLow.length; g++) {
            double mine = groupLow[g];
            double mineAtBest = groupHigh[g];
            long better = Arrays.stream(groupLow).filter(other -> other > mineAtBest).count();
            if (groupChosen[g] && better >= routing.groupsUsed()) {
                return false;
            }
            long rivals = Arrays.stream(groupHigh).filter(other -> other >= mine).count() - 1;
            boolean surelyKept = groupChosen[g] || rivals < routing.groupsUsed();
            for (int e = g * size; surelyKept && e < (g + 1) * size; e++) {
                if (!chosen[e] && low[e] > high[ids[ids.length - 1]]) {
                    return false;
                }
            }
        }
        return true;
    }

    private double groupScore(double[] scores, int from, int size) {
        double[] sorted = Arrays.copyOfRange(scores, from, from + size);
        Arrays.sort(sorted);
        double most = sorted[size - 1];
        return switch (routing.groupScore()) {
            case MAX -> most;
            case TOP2_SUM -> size == 1 ? most : most + sorted[size - 2];
        };
    }

    private double[] probabilities(int[] in, int t) {
        int[] x = row(op.in(), in, t);
        double[] logits = new double[routing.experts()];
        float[] router = new float[op.router().columns()];
        for (int e = 0; e < logits.length; e++) {
            op.router().type().codec().decode(op.router().data(), op.router().offset(0, e), router, 0, router.length);
            for (int c = 0; c < x.length; c++) {
                logits[e] += (double) Float.intBitsToFloat(x[c]) * router[c];
            }
        }
        double most = Arrays.stream(logits).max().orElseThrow();
        double[] p = switch (routing.scoring()) {
            case SOFTMAX -> Arrays.stream(logits).map(l -> Math.exp(l - most)).toArray();
            case SIGMOID -> Arrays.stream(logits).map(l -> 1 / (1 + Math.exp(-l))).toArray();
        };
        double sum = routing.scoring() == Routing.Scoring.SOFTMAX ? Arrays.stream(p).sum() : 1;
        return Arrays.stream(p).map(v -> v / sum).toArray();
    }

    private static float[] vector(Weight weight) {
        float[] values = new float[weight.columns()];
        weight.type().codec().decode(weight.data(), weight.offset(0, 0), values, 0, values.length);
        return values;
    }
}
