package org.crema.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;

/** Turns ops into tasks. */
final class Compiler {
    private Compiler() {}

    /** The tasks of each part; the plan learns what memory they use. */
    static List<List<Task.Named>> tasks(Plan plan, List<Program> parts) {
        List<List<Task.Named>> all = new ArrayList<>();
        for (Program part : parts) {
            List<Op> ops = part.ops();
            List<Task.Named> tasks = new ArrayList<>();
            for (int from = 0, to; from < ops.size(); from = to) {
                to = from + 1;
                while (to < ops.size() && joins(part, ops.subList(from, to), ops.get(to))) {
                    to++;
                }
                List<Op> group = ops.subList(from, to);
                Task task = group.size() == 1 ? task(plan, group.getFirst()) : group(plan, group);
                tasks.add(new Task.Named(group.getFirst().name() + group.stream().map(Op::writes).toList(), group, task));
            }
            all.add(List.copyOf(tasks));
        }
        return List.copyOf(all);
    }

    /** Products that follow one another and read the same rows are one task: the rows are packed once. */
    private static boolean joins(Program part, List<Op> group, Op op) {
        boolean same = switch (op) {
            case Op.MatMul next -> group.getFirst() instanceof Op.MatMul first && first.in().equals(next.in());
            case Op.ExpertMatMul next -> group.getFirst() instanceof Op.ExpertMatMul first && first.in().equals(next.in())
                    && first.ids().equals(next.ids()) && first.weight().count() == next.weight().count();
            default -> false;
        };
        return VectorSupport.PRESENT && same && outlives(part, group.getLast());
    }

    /** Whether what an op writes is read later on. If not, its memory may be that of the next op's output. */
    private static boolean outlives(Program part, Op op) {
        Slot slot = op.writes().getFirst().slot();
        List<Op> later = part.ops().subList(part.ops().indexOf(op) + 1, part.ops().size());
        return part.outputs().contains(slot)
                || later.stream().anyMatch(next -> next.reads().stream().anyMatch(view -> view.slot().equals(slot)));
    }

    private static Task group(Plan plan, List<Op> ops) {
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
