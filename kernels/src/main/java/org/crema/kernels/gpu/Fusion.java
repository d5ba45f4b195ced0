package org.crema.kernels.gpu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/**
 * Finds ops that one launch computes: on small models, and on mixtures of experts with few of them active, a token costs more
 * launches than bytes. What an op leaves for the next one of its group is used nowhere else.
 */
final class Fusion {
    /** Rotations of one launch: of what goes into a cache, and another one. */
    private static final int MOST_ROPES = 2;

    private final List<Program> parts;
    private final Features features;
    private final Predicate<View> int8;
    /** Ops that read or write a slot; as input or output of a part it counts as used once more. */
    private final Map<Slot, Integer> uses = new HashMap<>();

    /** Ops that belong together. */
    sealed interface Group {
        List<Op> ops();

        /** An op by itself. */
        record Single(Op op) implements Group {
            @Override
            public List<Op> ops() {
                return List.of(op);
            }
        }

        /** A product that is added to something. */
        record Residual(Op.MatMul product, Op.Add add) implements Group {
            @Override
            public List<Op> ops() {
                return List.of(product, add);
            }

            View other() {
                return Fusion.other(add, product.out()).orElseThrow();
            }
        }

        /** Two products of the same rows, and their gated activation. */
        record Gated(Op gate, Op up, Op.SwiGlu swiGlu) implements Group {
            @Override
            public List<Op> ops() {
                return List.of(gate, up, swiGlu);
            }
        }

        /** The sum over experts that is added to something. */
        record ResidualSum(Op.ExpertSum sum, Op.Add add) implements Group {
            @Override
            public List<Op> ops() {
                return List.of(sum, add);
            }

            View other() {
                return Fusion.other(add, sum.out()).orElseThrow();
            }
        }

        /** Two products of the same rows by matrices of one type. */
        record Joint(Op.MatMul first, Op.MatMul second) implements Group {
            @Override
            public List<Op> ops() {
                return List.of(first, second);
            }
        }

        /**
         * What goes into a cache, its norm and rotation, and another rotation beside it.
         *
         * @param ops all of them, in order
         */
        record Append(Optional<Op.RmsNorm> norm, Op.Rope own, Optional<Op.Rope> other, Op.CacheWrite write, List<Op> ops)
                implements
                    Group {}

        /** A choice of experts, and the norm of what the router reads. */
        record Route(Optional<Op.RmsNorm> norm, Op.GateExperts gate) implements Group {
            @Override
            public List<Op> ops() {
                return norm.isPresent() ? List.of(norm.get(), gate) : List.of(gate);
            }
        }

        /** What makes rows of one launch, and their norm. */
        record Normed(Group before, Op.RmsNorm norm) implements Group {
            @Override
            public List<Op> ops() {
                List<Op> ops = new ArrayList<>(before.ops());
                ops.add(norm);
                return List.copyOf(ops);
            }
        }

        /** The last products of experts, their sum, and what it is added to. */
        record ExpertOutput(Op.ExpertMatMul product, Op.ExpertSum sum, Optional<Op.Add> add) implements Group {
            @Override
            public List<Op> ops() {
                return add.isPresent() ? List.of(product, sum, add.get()) : List.of(product, sum);
            }
        }

        /** Shared experts, which are added to something, then the chosen ones, which are added to that. */
        record Mixture(Gated shared, Residual sharedOutput, Gated chosen, ExpertOutput output) implements Group {
            @Override
            public List<Op> ops() {
                return groups().stream().flatMap(group -> group.ops().stream()).toList();
            }

            List<Group> groups() {
                return List.of(shared, sharedOutput, chosen, output);
            }
        }
    }

    /**
     * @param parts all programs of the device: what one of them leaves for another is not for one op alone
     * @param features which optional kernels there are
     * @param int8 views that norms write in int8 too
     */
    Fusion(List<Program> parts, Features features, Predicate<View> int8) {
        this.parts = List.copyOf(parts);
        this.features = features;
        this.int8 = int8;
        for (Program part : parts) {
            part.inputs().forEach(this::use);
            part.outputs().forEach(this::use);
            for (Op op : part.ops()) {
                op.reads().forEach(view -> use(view.slot()));
                op.writes().forEach(view -> use(view.slot()));
            }
        }
    }

    private void use(Slot slot) {
        uses.merge(slot, 1, Integer::sum);
    }

    /** The groups of a part, in order. */
    List<Group> groups(Program part) {
        if (!parts.contains(part)) {
            throw new IllegalArgumentException("no part of this device: " + part.name());
        }
        List<Op> ops = part.ops();
        List<Group> groups = new ArrayList<>();
        for (int at = 0; at < ops.size(); at += groups.getLast().ops().size()) {
            Group group = group(ops.subList(at, ops.size()));
            groups.add(normed(group, ops.subList(at + group.ops().size(), ops.size())).orElse(group));
        }
        return groups;
    }

    /** With the norm that follows, if it is of the rows that the group makes. */
    private Optional<Group> normed(Group group, List<Op> next) {
        if (!features.has(Features.Kernel.LAST_GROUP) || next.isEmpty() || !(next.getFirst() instanceof Op.RmsNorm norm)) {
            return Optional.empty();
        }
        Optional<View> made = switch (group) {
            case Group.Single(Op.MatMul product) -> Optional.of(product.out());
            case Group.Residual residual -> Optional.of(residual.add().out());
            case Group.Joint joint -> Optional.of(joint.first().out());
            case Group.ExpertOutput output -> Optional.of(output.add().map(Op.Add::out).orElse(output.sum().out()));
            default -> Optional.empty();
        };
        boolean fits = made.filter(norm.in()::equals).isPresent() && norm.in().groups() == 1
        // An input may lie in memory in int8, too.
                && group.ops().stream().noneMatch(op -> op.reads().stream().anyMatch(view -> view.slot().equals(norm.out()
                        .slot())));
        return fits ? Optional.of(new Group.Normed(group, norm)) : Optional.empty();
    }

    private Group group(List<Op> ops) {
        Optional<Group> mixture = features.has(Features.Kernel.MIXTURE) ? mixture(ops) : Optional.empty();
        return mixture.orElseGet(() -> smaller(ops));
    }

    private Group smaller(List<Op> ops) {
        Op first = ops.getFirst();
        Op second = ops.size() > 1 ? ops.get(1) : null;
        Op third = ops.size() > 2 ? ops.get(2) : null;
        if (first instanceof Op.MatMul product && second instanceof Op.Add add && adds(add, product.out())
                && !add.out().slot().equals(product.in().slot())) {
            return new Group.Residual(product, add);
        }
        if (first instanceof Op.ExpertSum sum && second instanceof Op.Add add && adds(add, sum.out())) {
            return new Group.ResidualSum(sum, add);
        }
        if (third instanceof Op.SwiGlu swiGlu && gated(first, second) && activates(swiGlu, first, second)) {
            return new Group.Gated(first, second, swiGlu);
        }
        return optional(ops).orElseGet(() -> new Group.Single(first));
    }

    /** Groups that need a kernel which not every driver has. */
    private Optional<Group> optional(List<Op> ops) {
        Optional<Group> found = Optional.empty();
        if (features.has(Features.Kernel.JOINT)) {
            found = joint(ops);
        }
        if (found.isEmpty() && features.has(Features.Kernel.APPEND)) {
            found = append(ops);
        }
        if (found.isEmpty() && features.has(Features.Kernel.LAST_GROUP) && ops.getFirst() instanceof Op.GateExperts gate) {
            found = Optional.of(new Group.Route(Optional.empty(), gate));
        }
        if (found.isEmpty() && features.has(Features.Kernel.ROUTE)) {
            found = route(ops);
        }
        if (found.isEmpty() && features.has(Features.Kernel.EXPERT_SUM)) {
            found = expertOutput(ops);
        }
        return found;
    }

    /** Of F32 activations only: those in int8 are made by kernels of their own. */
    private Optional<Group> mixture(List<Op> ops) {
        List<Group> groups = new ArrayList<>();
        for (int at = 0; at < ops.size() && groups.size() < 4; at += groups.getLast().ops().size()) {
            groups.add(smaller(ops.subList(at, ops.size())));
            if (groups.getFirst() instanceof Group.Single) {
                return Optional.empty();
            }
        }
        if (groups.size() == 4 && groups.get(0) instanceof Group.Gated shared && shared.gate() instanceof Op.MatMul gate
                && groups.get(1) instanceof Group.Residual sharedOutput && groups.get(2) instanceof Group.Gated chosen
                && chosen.gate() instanceof Op.ExpertMatMul expert && groups.get(3) instanceof Group.ExpertOutput output
                && output.add().isPresent() && alike(gate, expert, shared, sharedOutput, chosen, output)) {
            Op.Add add = output.add().get();
            Slot between = sharedOutput.add().out().slot();
            boolean passes = other(add, output.sum().out()).filter(sharedOutput.add().out()::equals).isPresent()
                    && handsOver(sharedOutput.add().out());
            boolean apart = !add.out().slot().equals(shared.swiGlu().out().slot()) && !add.out().slot().equals(between);
            return passes && apart
                    ? Optional.of(new Group.Mixture(shared, sharedOutput, chosen, output))
                    : Optional.empty();
        }
        return Optional.empty();
    }

    /** Whether a kernel reads the matrices of shared and of chosen experts, and each the activations of the one before. */
    private boolean alike(Op.MatMul gate, Op.ExpertMatMul expert, Group.Gated shared, Group.Residual sharedOutput,
            Group.Gated chosen, Group.ExpertOutput output) {
        Op.MatMul down = sharedOutput.product();
        Op.ExpertMatMul expertDown = output.product();
        return gate.in().equals(expert.in()) && gate.in().rows().equals(Rows.TOKENS)
                && gate.weight().type() == expert.weight().type() && down.weight().type() == expertDown.weight().type()
                && down.weight().rows() == expertDown.weight().rows() && down.bias().isEmpty()
                && down.in().equals(shared.swiGlu().out()) && expertDown.in().equals(chosen.swiGlu().out())
                && !int8.test(gate.in()) && !int8.test(down.in()) && !int8.test(expertDown.in());
    }

    private Optional<Group> joint(List<Op> ops) {
        boolean join = ops.size() > 1 && ops.get(0) instanceof Op.MatMul a && ops.get(1) instanceof Op.MatMul b
                && a.in().equals(b.in()) && a.weight().type() == b.weight().type()
                // The second one may have a closer relation to what follows.
                && group(ops.subList(1, Math.min(ops.size(), 4))) instanceof Group.Single
                && !a.out().slot().equals(b.out().slot());
        return join ? Optional.of(new Group.Joint((Op.MatMul) ops.get(0), (Op.MatMul) ops.get(1))) : Optional.empty();
    }

    private static Optional<Group> append(List<Op> ops) {
        int at = 0;
        Optional<Op.RmsNorm> norm = Optional.empty();
        if (ops.getFirst() instanceof Op.RmsNorm first && first.in().groups() == 1) {
            norm = Optional.of(first);
            at++;
        }
        List<Op.Rope> ropes = new ArrayList<>();
        while (at < ops.size() && ropes.size() < MOST_ROPES && ops.get(at) instanceof Op.Rope rope) {
            ropes.add(rope);
            at++;
        }
        if (ropes.isEmpty() || at == ops.size() || !(ops.get(at) instanceof Op.CacheWrite write)) {
            return Optional.empty();
        }
        List<Op.Rope> own = ropes.stream().filter(rope -> goesInto(rope.out(), write)).toList();
        Optional<Op.Rope> other = ropes.stream().filter(rope -> !goesInto(rope.out(), write)).findFirst();
        boolean fits = own.size() == 1 && norm.map(op -> goesInto(op.out(), write)).orElse(true);
        List<Op> together = List.copyOf(ops.subList(0, at + 1));
        // Another work-group turns it, at the same time.
        boolean apart = other.isEmpty()
                || together.stream().filter(op -> !op.equals(other.get())).noneMatch(op -> touches(op, other
                        .get().out().slot()) || touches(op, other.get().in().slot()));
        return fits && apart
                ? Optional.of(new Group.Append(norm, own.getFirst(), other, write, together))
                : Optional.empty();
    }

    private static boolean goesInto(View view, Op.CacheWrite write) {
        return write.in().stream().anyMatch(view::overlaps);
    }

    private static boolean touches(Op op, Slot slot) {
        return op.reads().stream().anyMatch(view -> view.slot().equals(slot)) || op.writes().stream().anyMatch(view -> view.slot()
                .equals(slot));
    }

    private Optional<Group> route(List<Op> ops) {
        if (ops.getFirst() instanceof Op.GateExperts gate && gate.router().bytes() <= features.routeBytes()) {
            return Optional.of(new Group.Route(Optional.empty(), gate));
        }
        if (ops.size() > 1 && ops.get(0) instanceof Op.RmsNorm norm && ops.get(1) instanceof Op.GateExperts gate
                && gate.router().bytes() <= features.routeBytes() && gate.in().equals(norm.out()) && norm.in().groups() == 1
                && !int8.test(norm.out())) {
            return Optional.of(new Group.Route(Optional.of(norm), gate));
        }
        return Optional.empty();
    }

    private Optional<Group> expertOutput(List<Op> ops) {
        if (ops.size() < 2 || !(ops.get(0) instanceof Op.ExpertMatMul product) || !(ops.get(1) instanceof Op.ExpertSum sum)
                || !sum.in().equals(product.out()) || !handsOver(product.out())) {
            return Optional.empty();
        }
        Optional<Op.Add> add = ops.size() > 2 && ops.get(2) instanceof Op.Add next && adds(next, sum.out())
                ? Optional.of(next)
                : Optional.empty();
        Slot out = add.map(Op.Add::out).orElse(sum.out()).slot();
        boolean apart = product.reads().stream().noneMatch(view -> view.slot().equals(out)) && !sum.weights().slot().equals(out);
        return apart ? Optional.of(new Group.ExpertOutput(product, sum, add)) : Optional.empty();
    }

    /** Whether one kernel can compute both. */
    private static boolean gated(Op gate, Op up) {
        return switch (gate) {
            case Op.MatMul a when up instanceof Op.MatMul b -> a.in().equals(b.in()) && alike(a.weight(), b.weight())
                    && a.bias().isEmpty() && b.bias().isEmpty();
            case Op.ExpertMatMul a when up instanceof Op.ExpertMatMul b -> a.in().equals(b.in()) && a.ids().equals(b.ids())
                    && alike(a.weight(), b.weight());
            default -> false;
        };
    }

    private static boolean alike(Weight a, Weight b) {
        return a.type() == b.type() && a.count() == b.count() && a.rows() == b.rows() && a.columns() == b.columns()
                && compact(a) && compact(b);
    }

    /** Whether a copy on the device is laid out as the original. */
    private static boolean compact(Weight weight) {
        return weight.matrixStride() == weight.rows() * weight.rowBytes();
    }

    /** Whether the second summand is all that becomes of a product, and can be read and written as a product is. */
    private boolean adds(Op.Add add, View product) {
        return handsOver(product) && add.out().contiguous() && other(add, product).filter(View::contiguous).isPresent();
    }

    /** Whether the activation is all that becomes of two products, and does not overwrite what they read. */
    private boolean activates(Op.SwiGlu swiGlu, Op gate, Op up) {
        return swiGlu.gate().equals(gate.writes().getFirst()) && swiGlu.up().equals(up.writes().getFirst())
                && handsOver(swiGlu.gate()) && handsOver(swiGlu.up()) && swiGlu.out().contiguous()
                && gate.reads().stream().noneMatch(view -> view.slot().equals(swiGlu.out().slot()));
    }

    /** Whether what is written there is read by one op, and nothing else touches the slot. */
    private boolean handsOver(View view) {
        return uses.get(view.slot()) == 2;
    }

    /** What is added to a view; empty if the op adds something else. */
    static Optional<View> other(Op.Add add, View view) {
        return add.a().equals(view) ? Optional.of(add.b()) : add.b().equals(view) ? Optional.of(add.a()) : Optional.empty();
    }
}
