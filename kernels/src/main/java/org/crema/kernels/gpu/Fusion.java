package org.crema.kernels.gpu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/**
 * Finds ops that one launch computes: on small models, and on mixtures of experts with few of them active, a token costs more
 * launches than bytes. What an op leaves for the next one of its group is used nowhere else.
 */
final class Fusion {
    private final List<Program> parts;
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
    }

    /** @param parts all programs of the device: what one of them leaves for another is not for one op alone */
    Fusion(List<Program> parts) {
        this.parts = List.copyOf(parts);
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
            groups.add(group(ops.subList(at, ops.size())));
        }
        return groups;
    }

    private Group group(List<Op> ops) {
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
        return new Group.Single(first);
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
    private static Optional<View> other(Op.Add add, View view) {
        return add.a().equals(view) ? Optional.of(add.b()) : add.b().equals(view) ? Optional.of(add.a()) : Optional.empty();
    }
}
