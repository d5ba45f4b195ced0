package org.crema.kernels.gpu;

import static org.crema.kernels.gpu.Calls.groups;

import java.util.List;
import java.util.Optional;
import java.util.function.ToIntFunction;
import org.crema.kernels.Op;
import org.crema.kernels.Rows;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Call.Argument;
import org.crema.kernels.gpu.Call.Argument.Shared;

/** Makes the calls that multiply by matrices: which kernel for how many rows, and what they leave for each other. */
final class Products {
    /** Pairs for each expert, on average, from which on sorting them pays. */
    private static final int PAIRS_PER_EXPERT = 2;

    private final Plan plan;
    private final Tuning tuning;
    private final Features features;
    private final Calls calls;
    private final Int8Rows int8Rows;
    /** What the last work-group of a mat-vec of one row does with it. */
    private Tail tail = Tail.NONE;
    /** Whose sorted pairs lie in memory, and for which tile table. */
    private Optional<Op.ExpertMatMul> sorted = Optional.empty();

    Products(Plan plan, Tuning tuning, Features features, Calls calls) {
        this.plan = plan;
        this.tuning = tuning;
        this.features = features;
        this.calls = calls;
        this.int8Rows = new Int8Rows(plan, tuning, calls);
    }

    /**
     * A product: what is multiplied with what, and how the rows are counted.
     *
     * @param in what is multiplied, a group of columns for each matrix
     * @param matrices without experts, how many
     * @param bias where in the constants, or -1
     * @param rounding of the activations, where the precision allows it
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, handed on as they are
    private record Product(String name, Weight weight, View in, int[] out, int[] residual, Rows rows, int matrices, int bias,
            int[] ids, int order, Rounding rounding) {
        static Product plain(String name, Weight weight, View in, int[] out, int bias, Rounding rounding) {
            return new Product(name, weight, in, out, Calls.NONE, in.rows(), weight.count(), bias, Calls.NONE, 0, rounding);
        }

        Product plus(int[] view) {
            return new Product(name, weight, in, out, view, rows, matrices, bias, ids, order, rounding);
        }

        Product to(int[] view) {
            return new Product(name, weight, in, view, residual, rows, matrices, bias, ids, order, rounding);
        }
    }

    /** How activations come to int8. */
    private enum Rounding {
        /** Not at all, so that the same experts are chosen whatever computes. */
        NONE,
        /** By the kernel itself, if it is one that does: too small for a launch more. */
        WITHIN,
        /** Before, by a launch; the kernel takes them so. */
        ROWS
    }

    /**
     * What becomes of the row that a launch has made.
     *
     * @param out of its norm
     * @param weight of its norm, among the constants; -1 if there is none
     * @param place of the norm, or of the row itself, in int8; none if it has no rows
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, handed on as they are
    private record Tail(int[] out, int weight, float eps, int[] place) {
        static final Tail NONE = new Tail(Calls.NONE, -1, 0, Calls.NONE);
    }

    Int8Rows int8Rows() {
        return int8Rows;
    }

    /** Forgets what lies in memory: between parts anyone may have written what it was made of. */
    void forget() {
        sorted = Optional.empty();
        int8Rows.forget();
    }

    /** Forgets what was made of the slots that these ops write; no group of ops reads in int8 what it writes. */
    void wrote(List<Op> ops) {
        for (Op op : ops) {
            for (View view : op.writes()) {
                sorted = sorted.filter(by -> !by.ids().slot().equals(view.slot()));
                int8Rows.wrote(view.slot());
            }
        }
    }

    /** Makes calls of which the first, if it has one row, goes on with its norm. */
    void normed(Op.RmsNorm op, Runnable before) {
        int[] place = plan.int8Rows(op.out()) > 0 ? int8Rows.place(op.out(), 2) : Calls.NONE;
        tail = new Tail(plan.view(op.out()), plan.vector(Optional.of(op.weight())), op.eps(), place);
        before.run();
        tail = Tail.NONE;
    }

    void matMul(Op.MatMul op) {
        product(product(op));
    }

    void residual(Fusion.Group.Residual group) {
        product(product(group.product()).to(plan.view(group.add().out())).plus(plan.view(group.other())));
    }

    /** A router's logits, of steps with more rows than another call chooses for. */
    void router(Op.GateExperts op, int than) {
        int experts = op.routing().experts();
        int[] logits = {plan.logits(), experts, experts, 0};
        Product product = Product.plain(op.name(), op.router(), op.in(), logits, -1, Rounding.NONE);
        if (than < 1) {
            matvec1(product);
        }
        moreRows(product, Math.max(1, than));
    }

    void headMatMul(Op.HeadMatMul op) {
        Product product = Product.plain(op.name(), op.weight(), op.in(), plan.view(op.out()), -1, Rounding.WITHIN);
        if (!op.transposed()) {
            if (features.has(Features.Kernel.LAST_GROUP)) {
                plan.int8View(op.out()).ifPresent(view -> tail = new Tail(Calls.NONE, -1, 0, int8Rows.place(view, 2)));
            }
            product(product);
            tail = Tail.NONE;
            return;
        }
        long x = Math.ceilDiv(op.weight().columns(), tuning.transposedColumns());
        int heads = op.weight().count();
        Rows rows = op.in().rows();
        call(product, "transposed1", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1 ? x : 0,
                heads, 1));
        call(product, "transposed4", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1 ? 0 : x,
                heads, Math.ceilDiv(counts.rows(rows), Tuning.FEW_ROWS)));
    }

    void expertMatMul(Op.ExpertMatMul op) {
        Product product = product(op);
        pairs(op, product);
        sortedPairs(op, product);
    }

    /**
     * Gate and up: of few rows with their activation, of many by themselves.
     *
     * @return the rows below which the activation is done
     */
    int gated(Fusion.Group.Gated group) {
        View activation = group.swiGlu().out();
        int[] out = plan.view(activation);
        return switch (group) {
            case Fusion.Group.Gated(Op.MatMul gate, Op.MatMul up, _) -> {
                Product product = product(gate);
                Rows rows = product.rows();
                gated(product.to(out), up.weight(), activation, 2, counts -> counts.rows(rows) == 1 ? 1 : 0);
                moreRows(product, 1);
                moreRows(product(up), 1);
                yield 2;
            }
            case Fusion.Group.Gated(Op.ExpertMatMul gate, Op.ExpertMatMul up, _) -> {
                Product product = product(gate);
                int used = gate.ids().width();
                int from = sortedFrom(gate);
                gated(product.to(out), up.weight(), activation, from, counts -> counts.tokens() * used < from
                        ? counts.tokens() * used
                        : 0);
                sortedPairs(gate, product);
                sortedPairs(up, product(up));
                yield from;
            }
            default -> throw new IllegalStateException("no products: " + group);
        };
    }

    /**
     * Two products and their activation, of each row by itself.
     *
     * @param below rows of a step below which this is done
     * @param rows of a step for which it is; 0 if it is not
     */
    private void gated(Product product, Weight up, View activation, int below, ToIntFunction<Counts> rows) {
        Argument.Tensor other = new Argument.Tensor(up);
        if (features.has(Features.Kernel.GATED_INT8) && takesInt8(product, "matvec1") && plan.int8Rows(activation) > 0) {
            long x = product.weight().rows() / Int8Rows.BLOCK;
            call(product, "matvec1_gated", tuning.normGroup(), (counts, groups) -> groups(groups, rows.applyAsInt(counts) > 0
                    ? x
                    : 0, 1, rows.applyAsInt(counts)), other).arg(int8Rows.place(activation, below));
            return;
        }
        long x = matvecGroups(product.weight());
        call(product, "matvec1_swiglu", tuning.matvecGroup(), (counts, groups) -> groups(groups, rows.applyAsInt(counts) > 0
                ? x
                : 0, 1, rows.applyAsInt(counts)), other);
    }

    /** Two products of the same rows. */
    void joint(Fusion.Group.Joint group) {
        Product first = product(group.first());
        Product second = product(group.second());
        long x = matvecGroups(first.weight()) + matvecGroups(second.weight());
        Rows rows = first.rows();
        last(call(first, "matvec1_joint", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1 ? x : 0,
                1, 1), new Argument.Tensor(second.weight())).arg(second.out()).arg(second.weight().rows()).arg(second.bias()));
        moreRows(first, 1);
        moreRows(second, 1);
    }

    /**
     * The last products of experts: of few rows with their sum, of many by themselves.
     *
     * @return the pairs below which the sum is done
     */
    int expertOutput(Fusion.Group.ExpertOutput group, View out, int[] residual) {
        Op.ExpertMatMul op = group.product();
        Product product = product(op);
        int used = op.ids().width();
        int from = sortedFrom(op);
        long x = matvecGroups(op.weight());
        last(call(product.to(plan.view(out)).plus(residual), "matvec1_sum", tuning.matvecGroup(),
                (counts, groups) -> groups(groups,
                        counts.tokens() * used < from ? x : 0, 1, counts.tokens()))
                .arg(plan.view(group.sum().weights())));
        sortedPairs(op, product);
        return from;
    }

    /** Of one token: gate and up of shared and chosen experts, then all their last products with what they are added to. */
    void mixture(Fusion.Group.Mixture group) {
        Op.ExpertMatMul gate = (Op.ExpertMatMul) group.chosen().gate();
        Weight shared = ((Op.MatMul) group.shared().gate()).weight();
        long x = Math.max(matvecGroups(gate.weight()), matvecGroups(shared));
        int pairs = gate.ids().width() + 1;
        call(product(gate).to(plan.view(group.chosen().swiGlu().out())), "matvec1_swiglu_mixed", tuning.matvecGroup(), (counts,
                groups) -> groups(groups, counts.tokens() == 1 ? x : 0, 1, pairs), tensor(group.chosen().up()),
                new Argument.Tensor(
                        shared),
                tensor(group.shared().up()))
                .arg(plan.view(group.shared().swiGlu().out())).arg(shared.rows());
        Op.MatMul down = group.sharedOutput().product();
        View out = group.output().add().orElseThrow().out();
        long rows = matvecGroups(down.weight());
        call(product(group.output().product()).to(plan.view(out)).plus(plan.view(group.sharedOutput().other())),
                "matvec1_sum_mixed", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.tokens() == 1 ? rows : 0, 1,
                        1),
                tensor(down))
                .arg(plan.view(group.output().sum().weights())).arg(plan.view(down.in())).arg(down.weight().columns(), (int) down
                        .weight().rowBytes());
    }

    private static Argument tensor(Op product) {
        return new Argument.Tensor(product.tensors().getFirst());
    }

    /** Pairs of a token and an expert from which on they are sorted. */
    static int sortedFrom(Op.ExpertMatMul op) {
        return PAIRS_PER_EXPERT * op.weight().count();
    }

    private Product product(Op.MatMul op) {
        return Product.plain(op.name(), op.weight(), op.in(), plan.view(op.out()), plan.vector(op.bias()),
                rounding(op.weight(), op.in()));
    }

    private Rounding rounding(Weight weight, View in) {
        return plan.int8(weight, in) ? Rounding.ROWS : Rounding.WITHIN;
    }

    private Product product(Op.ExpertMatMul op) {
        int used = op.ids().width();
        int[] ids = plan.view(op.ids());
        ids[2] = used;
        ids[3] = op.in().rows().equals(Rows.TOKENS) ? used : 1;
        return new Product(op.name(), op.weight(), op.in(), plan.view(op.out()), Calls.NONE, op.out().rows(), 1, -1, ids,
                plan.order(), rounding(op.weight(), op.in()));
    }

    private void product(Product product) {
        matvec1(product);
        moreRows(product, 1);
    }

    /** Of one row. */
    private void matvec1(Product product) {
        long x = matvecGroups(product.weight());
        int matrices = product.matrices();
        Rows rows = product.rows();
        last(call(product, "matvec1", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1 ? x : 0,
                matrices, 1)));
    }

    /** The arguments for what the last work-group does. */
    private void last(Call call) {
        if (features.has(Features.Kernel.LAST_GROUP)) {
            call.arg(plan.tickets()).arg(tail.out()).arg(tail.weight()).real(tail.eps()).arg(tail.place());
        }
    }

    private long matvecGroups(Weight weight) {
        return Math.ceilDiv(weight.rows(), tuning.groupRows());
    }

    /** @param than rows up to which another call has done it */
    private void moreRows(Product product, int than) {
        long x = matvecGroups(product.weight());
        int most = tuning.mostMatvecRows();
        int matrices = product.matrices();
        Rows rows = product.rows();
        call(product, "matvec" + Tuning.FEW_ROWS, tuning.matvecGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > than && n <= most ? x : 0, matrices, Math.ceilDiv(n, Tuning.FEW_ROWS));
        });
        if (plan.limits().tokens() <= most) {
            return;
        }
        long tiles = Math.ceilDiv(product.weight().rows(), tuning.gemm().tileRows());
        int tileTokens = tuning.gemm().tileTokens();
        call(product, "gemm", tuning.gemm().group(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > most ? tiles : 0, matrices, Math.ceilDiv(n, tileTokens));
        });
    }

    /** Each pair by itself. */
    private void pairs(Op.ExpertMatMul op, Product product) {
        int used = op.ids().width();
        int from = sortedFrom(op);
        long x = matvecGroups(op.weight());
        last(call(product, "matvec1", tuning.matvecGroup(), (counts, groups) -> {
            int pairs = counts.tokens() * used;
            groups(groups, pairs < from ? x : 0, 1, pairs);
        }));
    }

    /** Pairs of the same expert together. */
    private void sortedPairs(Op.ExpertMatMul op, Product product) {
        int experts = op.weight().count();
        int used = op.ids().width();
        int from = sortedFrom(op);
        if (plan.limits().tokens() * (long) used < from) {
            return;
        }
        if (sorted.filter(by -> by.ids().equals(op.ids()) && by.weight().count() == experts).isEmpty()) {
            calls.add("sorting of pairs", calls.experts(experts), "sort_pairs", tuning.sortGroup(), (counts, groups) -> groups(
                    groups, counts.tokens() * used < from ? 0 : 1, 1, 1)).arg(Shared.ARENA).arg(product.ids()).arg(Shared.STEP)
                    .arg(plan.order()).arg(Plan.mostTiles(op, plan.limits(), tuning));
            sorted = Optional.of(op);
        }
        String kernel = tuning.tiles() ? "gemm" : "matvec" + Tuning.FEW_ROWS;
        int group = tuning.tiles() ? tuning.gemm().group() : tuning.matvecGroup();
        long tiles = tuning.tiles() ? Math.ceilDiv(op.weight().rows(), tuning.gemm().tileRows()) : matvecGroups(op.weight());
        int tile = tuning.sortedTile();
        call(product, kernel, group, (counts, groups) -> {
            int pairs = counts.tokens() * used;
            groups(groups, pairs < from ? 0 : tiles, 1, Math.min(pairs, pairs / tile + experts));
        });
    }

    /** @param tensors that the kernel reads besides, before all other arguments */
    private Call call(Product product, String kernel, int group, Counts.Sizer sizer, Argument... tensors) {
        Weight weight = product.weight();
        long stride = plan.inPlace(weight) ? weight.matrixStride() : weight.rows() * weight.rowBytes();
        boolean int8 = takesInt8(product, kernel);
        // Before the call that reads them.
        int[] in = int8 ? int8Rows.of(product.in(), weight.columns()) : plan.view(product.in());
        Call call = calls
                .add(product.name(), calls.matMul(weight, product.rounding() != Rounding.NONE), int8 ? kernel + "_i8" : kernel,
                        group, sizer)
                .arg(new Argument.Tensor(weight));
        for (Argument tensor : tensors) {
            call.arg(tensor);
        }
        return call.wide(stride).arg((int) weight.rowBytes()).arg(weight.rows()).arg(weight.columns()).arg(Shared.ARENA)
                .arg(in).arg(product.out()).arg(product.residual()).arg(Shared.STEP).arg(Calls.counted(product.rows()))
                .arg(Shared.CONSTANTS).arg(product.bias()).arg(product.ids()).arg(product.order());
    }

    private boolean takesInt8(Product product, String kernel) {
        return product.rounding() == Rounding.ROWS && (!kernel.startsWith("gemm") || features.has(Features.Kernel.INT8_TILES));
    }
}
