package org.crema.kernels.conformance;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.crema.kernels.Element;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.View;

/** Compares what a device gave with what the reference gave. */
final class Judge {
    private final Scenario scenario;
    private final Precision precision;
    private final List<String> faults = new ArrayList<>();

    private Judge(Scenario scenario, Precision precision) {
        this.scenario = scenario;
        this.precision = precision;
    }

    /** What is wrong, in words; empty if nothing. */
    static List<String> faults(Scenario scenario, Precision precision, List<Map<Slot, int[]>> expected,
            List<Map<Slot, int[]>> found) {
        Judge judge = new Judge(scenario, precision);
        for (Slot slot : scenario.program().outputs()) {
            judge.untouched(slot, found);
            if (slot.element() == Element.F32 && scenario.gate().isEmpty()) {
                judge.values(slot, expected, found);
            }
        }
        scenario.gate().ifPresent(gate -> judge.faults.addAll(GateCheck.faults(scenario, gate, precision, expected, found)));
        return judge.faults;
    }

    /** Columns that no op writes must hold what the caller gave. */
    private void untouched(Slot slot, List<Map<Slot, int[]>> found) {
        boolean[] written = written(slot);
        for (int round = 0; round < found.size(); round++) {
            int[] given = scenario.rounds().get(round).inputs().get(slot);
            int[] cells = found.get(round).get(slot);
            for (int i = 0; given != null && cells != null && i < cells.length; i++) {
                if (!written[i % slot.columns()] && cells[i] != given[i]) {
                    faults.add("%s: row %d, column %d, which no op writes, changed from %08x to %08x".formatted(slot,
                            i / slot.columns(), i % slot.columns(), given[i], cells[i]));
                    return;
                }
            }
        }
    }

    private boolean[] written(Slot slot) {
        boolean[] written = new boolean[slot.columns()];
        for (Op op : scenario.program().ops()) {
            for (View view : op.writes()) {
                for (int g = 0; view.slot().equals(slot) && g < view.groups(); g++) {
                    Arrays.fill(written, view.at(g, 0), view.at(g, 0) + view.columns(), true);
                }
            }
        }
        return written;
    }

    private void values(Slot slot, List<Map<Slot, int[]>> expected, List<Map<Slot, int[]>> found) {
        double tolerance = Tolerance.of(scenario, precision);
        boolean[] written = written(slot);
        double error = 0;
        double power = 0;
        double worst = 0;
        String where = "";
        long count = 0;
        int rows = 0;
        int others = 0;
        for (int round = 0; round < expected.size(); round++) {
            int[] want = expected.get(round).get(slot);
            int[] have = found.get(round).get(slot);
            Set<Integer> skipped = scenario.isLayer() ? otherExperts(slot, round, expected, found) : Set.of();
            others += skipped.size();
            rows += want == null ? 0 : want.length / slot.columns();
            for (int i = 0; want != null && i < want.length; i++) {
                if (!written[i % slot.columns()] || skipped.contains(i / slot.columns())) {
                    continue;
                }
                double w = Float.intBitsToFloat(want[i]);
                double h = Float.intBitsToFloat(have[i]);
                if ((Double.isFinite(w) && !Double.isFinite(h)) || (Double.isInfinite(w) && w != h)) {
                    faults.add("%s: %s for %s at %s".formatted(slot, h, w, place(slot, round, i)));
                    return;
                }
                if (Double.isFinite(w)) {
                    count++;
                    power += w * w;
                    error += (h - w) * (h - w);
                    if (Math.abs(h - w) > worst) {
                        worst = Math.abs(h - w);
                        where = "%s, %s for %s".formatted(place(slot, round, i), h, w);
                    }
                }
            }
        }
        if (others > (precision == Precision.F32 ? 1 : Math.max(1, rows / 3))) {
            faults.add("%s: %d of %d rows have other experts".formatted(slot, others, rows));
            return;
        }
        double bound = Tolerance.OUTLIER * Math.sqrt(tolerance * power / count);
        if (count > 0 && (error > tolerance * power || worst > bound)) {
            faults.add("%s: NMSE %.2g (at most %.2g), largest difference %.3g (at most %.3g): %s".formatted(slot,
                    error / power, tolerance, worst, bound, where));
        }
    }

    private static String place(Slot slot, int round, int i) {
        return "step %d, row %d, column %d".formatted(round, i / slot.columns(), i % slot.columns());
    }

    /**
     * Rows of a layer whose experts are others than the reference's. With F32 one row may lie that close to a tie, with int8
     * activations a third of them; what such rows hold cannot be compared.
     */
    private Set<Integer> otherExperts(Slot slot, int round, List<Map<Slot, int[]>> expected, List<Map<Slot, int[]>> found) {
        Set<Integer> rows = new HashSet<>();
        Step step = scenario.rounds().get(round).step();
        for (Slot ids : scenario.program().outputs()) {
            if (ids.element() != Element.I32) {
                continue;
            }
            for (int row = 0; row < slot.rows().count(step); row++) {
                int token = slot.rows().equals(Rows.OUTPUTS) ? step.output(row) : row;
                if (!experts(expected.get(round).get(ids), token, ids.columns()).equals(experts(found.get(round).get(ids), token,
                        ids.columns()))) {
                    rows.add(row);
                }
            }
        }
        return rows;
    }

    private static Set<Integer> experts(int[] ids, int token, int used) {
        Set<Integer> set = new HashSet<>();
        for (int j = 0; j < used; j++) {
            set.add(ids[token * used + j]);
        }
        return set;
    }
}
