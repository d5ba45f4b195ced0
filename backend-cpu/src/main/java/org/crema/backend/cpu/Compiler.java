package org.crema.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Op;
import org.crema.kernels.Program;

/** Turns ops into tasks. */
final class Compiler {
    private Compiler() {}

    /** The tasks of each part; the plan learns what memory they use. */
    static List<List<Task.Named>> tasks(Plan plan, List<Program> parts) {
        List<List<Task.Named>> all = new ArrayList<>();
        for (Program part : parts) {
            List<Task.Named> tasks = new ArrayList<>();
            for (List<Op> group : groups(part)) {
                Task task = group.size() == 1 ? task(plan, group.getFirst()) : group(plan, group);
                tasks.add(new Task.Named(group.getFirst().name() + group.stream().map(Op::writes).toList(), group, task));
            }
            all.add(List.copyOf(tasks));
        }
        return List.copyOf(all);
    }

    /** The ops of a program; those that are one task together. */
    static List<List<Op>> groups(Program part) {
        List<Op> ops = part.ops();
        List<List<Op>> groups = new ArrayList<>();
        for (int from = 0, to; from < ops.size(); from = to) {
            to = from + 1;
            if (VectorSupport.PRESENT && from + 3 <= ops.size() && ExpandedAttention.matches(part, ops.subList(from, from + 3))) {
                to = from + 3;
            }
            while (to < ops.size() && joins(ops.get(from), ops.get(to))) {
                to++;
            }
            groups.add(ops.subList(from, to));
        }
        return groups;
    }

    /** Products that follow one another and read the same rows are one task: the rows are packed once. */
    private static boolean joins(Op first, Op next) {
        boolean same = switch (next) {
            case Op.MatMul product -> first instanceof Op.MatMul before && before.in().equals(product.in());
            case Op.ExpertMatMul product -> first instanceof Op.ExpertMatMul before && before.in().equals(product.in())
                    && before.ids().equals(product.ids()) && before.weight().count() == product.weight().count();
            default -> false;
        };
        return VectorSupport.PRESENT && same;
    }

    private static Task group(Plan plan, List<Op> ops) {
        if (ops.get(1) instanceof Op.LatentAttention attention) {
            return new ExpandedAttention(plan, (Op.HeadMatMul) ops.getFirst(), attention, (Op.HeadMatMul) ops.getLast(),
                    ops.stream().map(op -> task(plan, op)).toArray(Task[]::new));
        }
        return ops.getFirst() instanceof Op.MatMul
                ? ProductTasks.matMuls(plan, ops.stream().map(Op.MatMul.class::cast).toList())
                : ProductTasks.expertMatMuls(plan, ops.stream().map(Op.ExpertMatMul.class::cast).toList());
    }

    private static Task task(Plan plan, Op op) {
        return switch (op) {
            case Op.Embed embed -> RowTasks.embed(plan, embed);
            case Op.RmsNorm norm -> RowTasks.rmsNorm(plan, norm);
            case Op.MatMul product -> ProductTasks.matMuls(plan, List.of(product));
            case Op.HeadMatMul product -> ProductTasks.headMatMul(plan, product);
            case Op.Rope rope -> new RopeTask(plan, rope);
            case Op.CacheWrite write -> RowTasks.cacheWrite(plan, write);
            case Op.Attention attention -> AttentionTask.of(plan, attention);
            case Op.LatentAttention attention -> AttentionTask.of(plan, attention);
            case Op.GateExperts gate -> ProductTasks.gateExperts(plan, gate);
            case Op.ExpertMatMul product -> ProductTasks.expertMatMuls(plan, List.of(product));
            case Op.SwiGlu swiGlu -> RowTasks.swiGlu(plan, swiGlu);
            case Op.ExpertSum sum -> RowTasks.expertSum(plan, sum);
            case Op.Add add -> RowTasks.add(plan, add);
            case Op.SelectRows select -> RowTasks.selectRows(plan, select);
        };
    }
}
