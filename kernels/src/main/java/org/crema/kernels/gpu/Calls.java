package org.crema.kernels.gpu;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Rows;
import org.crema.kernels.Step;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/** The calls that are being made, and what most of them are made of. */
final class Calls {
    /** A view of nothing, and the ids of no experts. */
    static final int[] NONE = {0, 0, 0, 0};

    private final Plan plan;
    private final Tuning tuning;
    private final List<Call> list = new ArrayList<>();
    /** Whose calls are being made. */
    private List<Op> current = List.of();
    /** Whether calls that are being made leave out steps of one token. */
    private boolean several;

    Calls(Plan plan, Tuning tuning) {
        this.plan = plan;
        this.tuning = tuning;
    }

    /** What follows is for these ops. */
    void begin(List<Op> ops) {
        current = ops;
    }

    /** Takes what has been made. */
    List<Call> take() {
        List<Call> made = List.copyOf(list);
        list.clear();
        return made;
    }

    Call add(String what, Kernels kernels, String entry, int group, Counts.Sizer sizer) {
        Counts.Sizer sized = several ? (counts, groups) -> {
            if (counts.tokens() == 1) {
                groups(groups, 0, 0, 0);
            } else {
                sizer.groups(counts, groups);
            }
        } : sizer;
        Call call = new Call(current, what, kernels, entry, group, sized);
        list.add(call);
        return call;
    }

    /** The calls that something makes are not for steps of one token. */
    void ofSeveral(Runnable making) {
        several = true;
        making.run();
        several = false;
    }

    /** A launch with a work-item for each column and row of a view. */
    Call columns(String kernel, Op op, View out) {
        long x = Math.ceilDiv(out.width(), tuning.rowGroup());
        Rows rows = out.rows();
        return add(op.name(), rows(), kernel, tuning.rowGroup(), (counts, groups) -> groups(groups, x, counts.rows(rows), 1));
    }

    Kernels rows() {
        return new Kernels("rows", "rows/rows", Optional.empty(), tuning.constants());
    }

    /** @param rounds whether kernels may make activations int8 themselves */
    Kernels matMul(Weight weight, boolean rounds) {
        Map<String, Integer> constants = tuning.constants();
        if (plan.int8(weight.type())) {
            constants.put("INT8", 1);
        }
        if (rounds && plan.int8Within(weight.type())) {
            constants.put("INT8_WITHIN", 1);
        }
        return new Kernels("for " + weight.type(), "matmul/matmul", Optional.of(weight.type()), constants);
    }

    Kernels experts(int experts) {
        Map<String, Integer> constants = tuning.constants();
        constants.put("EXPERTS", experts);
        return new Kernels("experts", "experts/experts", Optional.empty(), constants);
    }

    /** A router's product and the choice of experts, by one work-group. */
    Kernels route(Weight router) {
        Map<String, Integer> constants = tuning.constants();
        constants.put("EXPERTS", router.rows());
        constants.put("SELECT_GROUP", tuning.normGroup());
        return new Kernels("routing", "experts/route", Optional.of(router.type()), constants);
    }

    Kernels cacheWrites() {
        Map<String, Integer> constants = new LinkedHashMap<>();
        putCache(constants);
        constants.put("NORM_GROUP", tuning.normGroup());
        return new Kernels("cache writes", "attention/write", Optional.empty(), constants);
    }

    void putCache(Map<String, Integer> constants) {
        constants.put("CACHE_" + plan.options().cacheType().name(), 1);
    }

    /** Where the arrays of the step block start, as kernels take it. */
    int[] where() {
        Limits limits = plan.limits();
        return new int[] {(int) Step.tokenAt(), (int) Step.positionAt(limits), (int) Step.sequenceAt(limits),
            (int) Step.outputAt(limits), (int) Step.pageAt(limits, 0), limits.sequencePages(), limits.pageRows(), 0};
    }

    static int[] counted(Rows rows) {
        return new int[] {rows.domain() == Rows.Domain.TOKENS ? 0 : 1, rows.each()};
    }

    static void groups(long[] groups, long x, long y, long z) {
        groups[0] = x;
        groups[1] = y;
        groups[2] = z;
    }
}
