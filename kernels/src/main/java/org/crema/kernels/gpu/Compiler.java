package org.crema.kernels.gpu;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rows;
import org.crema.kernels.Routing;
import org.crema.kernels.Step;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Call.Argument;
import org.crema.kernels.gpu.Call.Argument.Shared;

/** Turns ops into calls of kernels. */
public final class Compiler {
    /** Pairs for each expert, on average, from which on sorting them pays. */
    private static final int PAIRS_PER_EXPERT = 2;
    /** A view of nothing, and the ids of no experts. */
    private static final int[] NONE = {0, 0, 0, 0};

    private final Plan plan;
    private final Capacity capacity;
    private final Tuning tuning;
    private final List<Call> calls = new ArrayList<>();
    /** Whose launches are being made. */
    private List<Op> current = List.of();
    /** Whose sorted pairs lie in memory, and for which tile table. */
    private Optional<Op.ExpertMatMul> sorted = Optional.empty();

    /** A product: what is multiplied with what, and how the rows are counted. */
    @SuppressWarnings("ArrayRecordComponent") // never compared, handed on as they are
    private record Product(String name, Weight weight, int[] in, int[] out, int[] residual, Rows rows, int matrices, int bias,
            int[] ids, int order) {
        static Product plain(String name, Weight weight, int[] in, int[] out, Rows rows, int bias) {
            return new Product(name, weight, in, out, NONE, rows, weight.count(), bias, NONE, 0);
        }

        Product plus(int[] view) {
            return new Product(name, weight, in, out, view, rows, matrices, bias, ids, order);
        }

        Product to(int[] view) {
            return new Product(name, weight, in, view, residual, rows, matrices, bias, ids, order);
        }
    }

    public Compiler(Plan plan, Capacity capacity, Tuning tuning) {
        this.plan = plan;
        this.capacity = capacity;
        this.tuning = tuning;
    }

    /** The calls of each part. */
    public List<List<Call>> compile(List<Program> parts) {
        List<List<Call>> all = new ArrayList<>();
        for (Program part : parts) {
            // Between parts anyone may have written the ids.
            sorted = Optional.empty();
            int before = calls.size();
            for (Fusion.Group group : plan.fusion().groups(part)) {
                current = group.ops();
                switch (group) {
                    case Fusion.Group.Single single -> compile(single.op());
                    case Fusion.Group.Residual residual -> product(product(residual.product()).to(plan.view(residual.add().out()))
                            .plus(plan.view(residual.other())));
                    case Fusion.Group.Gated gated -> gated(gated);
                    case Fusion.Group.ResidualSum sum -> expertSum(sum.sum(), sum.add().out(), plan.view(sum.other()));
                }
                group.ops().forEach(op -> op.writes().forEach(view -> sorted = sorted.filter(by -> !by.ids().slot().equals(view
                        .slot()))));
            }
            all.add(List.copyOf(calls.subList(before, calls.size())));
        }
        return all;
    }

    private void compile(Op op) {
        switch (op) {
            case Op.Embed embed -> embed(embed);
            case Op.RmsNorm norm -> rmsNorm(norm);
            case Op.MatMul product -> product(product(product));
            case Op.HeadMatMul product -> headMatMul(product);
            case Op.Rope rope -> rope(rope);
            case Op.CacheWrite write -> cacheWrite(write);
            case Op.Attention attention -> attention(attention);
            case Op.LatentAttention attention -> latentAttention(attention);
            case Op.GateExperts gate -> gateExperts(gate);
            case Op.ExpertMatMul product -> expertMatMul(product);
            case Op.SwiGlu swiGlu -> swiGlu(swiGlu, 0);
            case Op.ExpertSum sum -> expertSum(sum, sum.out(), NONE);
            case Op.Add add ->
                columns("add", add, add.out()).arg(Shared.ARENA).arg(plan.view(add.out())).arg(plan.view(add.a()))
                        .arg(plan.view(add.b())).arg(add.out().width());
            case Op.SelectRows select -> columns("select_rows", select, select.out()).arg(Shared.ARENA).arg(plan.view(select
                    .out())).arg(plan.view(select.in())).arg(select.out().width()).arg(Shared.STEP).arg(where());
        }
    }

    private Call call(String what, Kernels kernels, String entry, int group, Counts.Sizer sizer) {
        Call call = new Call(current, what, kernels, entry, group, sizer);
        calls.add(call);
        return call;
    }

    private Kernels rows() {
        return new Kernels("rows", "rows/rows", Optional.empty(), tuning.constants());
    }

    private Kernels matMul(Weight weight) {
        return new Kernels("for " + weight.type(), "matmul/matmul", Optional.of(weight.type()), tuning.constants());
    }

    private Kernels experts(int experts) {
        Map<String, Integer> constants = tuning.constants();
        constants.put("EXPERTS", experts);
        return new Kernels("experts", "experts/experts", Optional.empty(), constants);
    }

    /** Where the arrays of the step block start, as kernels take it. */
    private int[] where() {
        Limits limits = plan.limits();
        return new int[] {(int) Step.tokenAt(), (int) Step.positionAt(limits), (int) Step.sequenceAt(limits),
            (int) Step.outputAt(limits), (int) Step.pageAt(limits, 0), limits.sequencePages(), limits.pageRows(), 0};
    }

    private static int[] counted(Rows rows) {
        return new int[] {rows.domain() == Rows.Domain.TOKENS ? 0 : 1, rows.each()};
    }

    private static void groups(long[] groups, long x, long y, long z) {
        groups[0] = x;
        groups[1] = y;
        groups[2] = z;
    }

    /** A launch with a work-item for each column and row of a view. */
    private Call columns(String kernel, Op op, View out) {
        long x = Math.ceilDiv(out.width(), tuning.rowGroup());
        Rows rows = out.rows();
        return call(op.name(), rows(), kernel, tuning.rowGroup(), (counts, groups) -> groups(groups, x, counts.rows(rows), 1));
    }

    private void embed(Op.Embed op) {
        long x = Math.ceilDiv(op.table().columns(), 16 * tuning.rowGroup());
        call(op.name(), matMul(op.table()), "embed", tuning.rowGroup(),
                (counts, groups) -> groups(groups, x, counts.tokens(), 1))
                .arg(new Argument.Tensor(op.table())).arg((int) op.table().rowBytes()).arg(op.table().columns()).arg(Shared.ARENA)
                .arg(plan.view(op.out())).arg(Shared.STEP).arg(where());
    }

    private void rmsNorm(Op.RmsNorm op) {
        int n = op.in().groups();
        Rows rows = op.in().rows();
        call(op.name(), rows(), "rms_norm", tuning.normGroup(), (counts, groups) -> groups(groups, n, counts.rows(rows), 1))
                .arg(
                        Shared.ARENA)
                .arg(plan.view(op.out())).arg(plan.view(op.in())).arg(op.in().columns()).arg(Shared.CONSTANTS).arg(
                        plan.vector(Optional.of(op.weight())))
                .real(op.eps());
    }

    private Product product(Op.MatMul op) {
        return Product.plain(op.name(), op.weight(), plan.view(op.in()), plan.view(op.out()), op.in().rows(), plan.vector(op
                .bias()));
    }

    private void expertSum(Op.ExpertSum op, View out, int[] residual) {
        columns("expert_sum", op, out).arg(Shared.ARENA).arg(plan.view(out)).arg(plan.view(op.in())).arg(plan.view(op.weights()))
                .arg(residual).arg(op.weights().width()).arg(out.width());
    }

    /** @param from rows below which another call has done it */
    private void swiGlu(Op.SwiGlu op, int from) {
        long x = Math.ceilDiv(op.out().width(), tuning.rowGroup());
        Rows rows = op.out().rows();
        call(op.name(), rows(), "swiglu", tuning.rowGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n < from ? 0 : x, n, 1);
        }).arg(Shared.ARENA).arg(plan.view(op.out())).arg(plan.view(op.gate())).arg(plan.view(op.up())).arg(op.out().width());
    }

    /** Two products and their activation: of few rows by one kernel, of many by their own. */
    private void gated(Fusion.Group.Gated group) {
        Op.SwiGlu swiGlu = group.swiGlu();
        int[] out = plan.view(swiGlu.out());
        int from = switch (group) {
            case Fusion.Group.Gated(Op.MatMul gate, Op.MatMul up, _) -> {
                Product product = product(gate);
                matvec1(product.to(out), Optional.of(up.weight()));
                moreRows(product);
                moreRows(product(up));
                yield 2;
            }
            case Fusion.Group.Gated(Op.ExpertMatMul gate, Op.ExpertMatMul up, _) -> {
                Product product = product(gate);
                pairs(gate, product.to(out), Optional.of(up.weight()));
                sortedPairs(gate, product);
                sortedPairs(up, product(up));
                yield sortedFrom(gate);
            }
            default -> throw new IllegalStateException("no products: " + group);
        };
        swiGlu(swiGlu, from);
    }

    private void headMatMul(Op.HeadMatMul op) {
        Product product = Product.plain(op.name(), op.weight(), plan.view(op.in()), plan.view(op.out()), op.in().rows(), -1);
        if (!op.transposed()) {
            product(product);
            return;
        }
        long x = Math.ceilDiv(Math.ceilDiv(op.weight().columns(), 16) * tuning.lanes(), tuning.matvecGroup());
        int heads = op.weight().count();
        Rows rows = op.in().rows();
        product(product, "transposed1", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1 ? x : 0,
                heads, 1));
        product(product, "transposed4", tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1 ? 0 : x,
                heads, Math.ceilDiv(counts.rows(rows), Tuning.FEW_ROWS)));
    }

    private void product(Product product) {
        matvec1(product, Optional.empty());
        moreRows(product);
    }

    /** Of one row. */
    private void matvec1(Product product, Optional<Weight> gated) {
        long x = matvecGroups(product.weight());
        int matrices = product.matrices();
        Rows rows = product.rows();
        product(product, "matvec1", gated, tuning.matvecGroup(), (counts, groups) -> groups(groups, counts.rows(rows) == 1
                ? x
                : 0, matrices, 1));
    }

    private long matvecGroups(Weight weight) {
        return Math.ceilDiv(weight.rows() * (long) tuning.lanes(), tuning.matvecGroup());
    }

    /** Of two rows and more. */
    private void moreRows(Product product) {
        long x = matvecGroups(product.weight());
        int most = tuning.mostMatvecRows();
        int matrices = product.matrices();
        Rows rows = product.rows();
        product(product, "matvec4", tuning.matvecGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > 1 && n <= most ? x : 0, matrices, Math.ceilDiv(n, Tuning.FEW_ROWS));
        });
        if (plan.limits().tokens() <= most) {
            return;
        }
        long tiles = Math.ceilDiv(product.weight().rows(), tuning.gemm().tileRows());
        int tileTokens = tuning.gemm().tileTokens();
        product(product, "gemm", tuning.gemm().group(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > most ? tiles : 0, matrices, Math.ceilDiv(n, tileTokens));
        });
    }

    private void product(Product product, String kernel, int group, Counts.Sizer sizer) {
        product(product, kernel, Optional.empty(), group, sizer);
    }

    /** @param gated the other matrix, if the kernel writes the gated activation of both products */
    private void product(Product product, String kernel, Optional<Weight> gated, int group, Counts.Sizer sizer) {
        Weight weight = product.weight();
        long stride = plan.inPlace(weight) ? weight.matrixStride() : weight.rows() * weight.rowBytes();
        Call call = call(product.name(), matMul(weight), kernel + (gated.isPresent() ? "_swiglu" : ""), group, sizer)
                .arg(new Argument.Tensor(weight));
        gated.ifPresent(up -> call.arg(new Argument.Tensor(up)));
        call.wide(stride).arg((int) weight.rowBytes()).arg(weight.rows()).arg(weight.columns()).arg(Shared.ARENA)
                .arg(product.in()).arg(product.out()).arg(product.residual()).arg(Shared.STEP).arg(counted(product.rows()))
                .arg(Shared.CONSTANTS).arg(product.bias()).arg(product.ids()).arg(product.order());
    }

    private void expertMatMul(Op.ExpertMatMul op) {
        Product product = product(op);
        pairs(op, product, Optional.empty());
        sortedPairs(op, product);
    }

    private Product product(Op.ExpertMatMul op) {
        int used = op.ids().width();
        int[] ids = plan.view(op.ids());
        ids[2] = used;
        ids[3] = op.in().rows().equals(Rows.TOKENS) ? used : 1;
        return new Product(op.name(), op.weight(), plan.view(op.in()), plan.view(op.out()), NONE, op.out().rows(), 1, -1, ids,
                plan.order());
    }

    /** Pairs of a token and an expert from which on they are sorted. */
    private static int sortedFrom(Op.ExpertMatMul op) {
        return PAIRS_PER_EXPERT * op.weight().count();
    }

    /** Each pair by itself. */
    private void pairs(Op.ExpertMatMul op, Product product, Optional<Weight> gated) {
        int used = op.ids().width();
        int from = sortedFrom(op);
        long x = matvecGroups(op.weight());
        product(product, "matvec1", gated, tuning.matvecGroup(), (counts, groups) -> {
            int pairs = counts.tokens() * used;
            groups(groups, pairs < from ? x : 0, 1, pairs);
        });
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
            call("sorting of pairs", experts(experts), "sort_pairs", tuning.sortGroup(), (counts, groups) -> groups(groups, counts
                    .tokens() * used < from ? 0 : 1, 1, 1)).arg(Shared.ARENA).arg(product.ids()).arg(Shared.STEP).arg(plan
                            .order())
                    .arg(Plan.mostTiles(op, plan.limits(), tuning));
            sorted = Optional.of(op);
        }
        String kernel = tuning.tiles() ? "gemm" : "matvec" + Tuning.FEW_ROWS;
        int group = tuning.tiles() ? tuning.gemm().group() : tuning.matvecGroup();
        long tiles = tuning.tiles() ? Math.ceilDiv(op.weight().rows(), tuning.gemm().tileRows()) : matvecGroups(op.weight());
        int tile = tuning.sortedTile();
        product(product, kernel, group, (counts, groups) -> {
            int pairs = counts.tokens() * used;
            groups(groups, pairs < from ? 0 : tiles, 1, Math.min(pairs, pairs / tile + experts));
        });
    }

    private void gateExperts(Op.GateExperts op) {
        Routing routing = op.routing();
        int experts = routing.experts();
        int[] logits = {plan.logits(), experts, experts, 0};
        product(Product.plain(op.name(), op.router(), plan.view(op.in()), logits, op.in().rows(), -1));
        int flags = (routing.scoring() == Routing.Scoring.SOFTMAX ? 1 : 0)
                | (routing.groupScore() == Routing.GroupScore.TOP2_SUM ? 2 : 0) | (routing.normalise() ? 4 : 0);
        Rows rows = op.in().rows();
        call(op.name(), experts(experts), "select_experts", tuning.selectGroup(),
                (counts, groups) -> groups(groups, counts.rows(
                        rows), 1, 1))
                .arg(Shared.ARENA).arg(plan.logits()).arg(plan.view(op.ids())).arg(plan.view(op.weights())).arg(Shared.CONSTANTS)
                .arg(plan.vector(op.bias())).arg(routing.used(), routing.groups(), routing.groupsUsed(), flags)
                .real(routing.scale());
    }

    private void rope(Op.Rope op) {
        Rotation rotation = op.rotation();
        int pairs = rotation.frequencies().size();
        int all = pairs * op.in().groups();
        boolean adjacent = switch (rotation.pairing()) {
            case ADJACENT -> true;
            case HALVES -> false;
        };
        long x = Math.ceilDiv(all, tuning.rowGroup());
        call(op.name(), rows(), "rope", tuning.rowGroup(), (counts, groups) -> groups(groups, x, counts.tokens(), 1))
                .arg(Shared.ARENA).arg(plan.view(op.out())).arg(plan.view(op.in()))
                .arg(pairs, adjacent ? 1 : pairs, adjacent ? 2 : 1, all)
                .arg(Shared.CONSTANTS).arg(plan.rotations().get(rotation) / 2).real(rotation.magnitude()).arg(Shared.STEP)
                .arg(
                        where());
    }

    private void putCache(Map<String, Integer> constants) {
        constants.put("CACHE_" + plan.options().cacheType().name(), 1);
    }

    private int cacheRowBytes(Cache cache) {
        return (int) plan.options().cacheType().rowBytes(cache.columns());
    }

    private void cacheWrite(Op.CacheWrite op) {
        int columns = op.target().columns();
        int items = plan.options().cacheType() == Cache.Type.Q8_0 ? columns / 32 : columns;
        long x = Math.ceilDiv(items, tuning.rowGroup());
        Map<String, Integer> constants = new LinkedHashMap<>();
        putCache(constants);
        Call call = call(op.name(), new Kernels("cache writes", "attention/write", Optional.empty(), constants),
                "cache_write", tuning.rowGroup(), (counts, groups) -> groups(groups, x, counts.tokens(), 1)).arg(Shared.ARENA);
        int[] widths = new int[4];
        for (int i = 0; i < widths.length; i++) {
            View view = op.in().get(Math.min(i, op.in().size() - 1));
            widths[i] = i < op.in().size() ? view.width() : 0;
            call.arg(plan.view(view));
        }
        call.arg(widths).arg(columns).arg(new Argument.Pages(op.target())).arg(cacheRowBytes(op.target())).arg(Shared.STEP).arg(
                where());
    }

    private void attention(Op.Attention op) {
        AttentionShape shape = AttentionShape.of(op, tuning, capacity);
        attention(op.name(), shape, op.q(), op.q(), op.out(), op.source(), op.window(), op.scale(), op.softCap());
    }

    private void latentAttention(Op.LatentAttention op) {
        AttentionShape shape = AttentionShape.of(op, tuning, capacity);
        attention(op.name(), shape, op.q(), op.qRope(), op.out(), op.source(), 0, op.scale(), 0);
    }

    private void attention(String name, AttentionShape shape, View q, View rest, View out, Cache source, int window, float scale,
            float softCap) {
        Map<String, Integer> constants = new LinkedHashMap<>(shape.constants());
        putCache(constants);
        Kernels kernels = new Kernels("attention", "attention/attention", Optional.empty(), constants);
        Argument cache = new Argument.Pages(source);
        int span = window > 0 ? window : Integer.MAX_VALUE;
        call(name, kernels, "attend", shape.group(),
                (counts, groups) -> groups(groups, shape.parts(counts.tokens(), Math.min(span,
                        counts.longest())), shape.groups(), counts.tokens()))
                .arg(Shared.ARENA).arg(plan.view(q)).arg(plan.view(rest)).arg(
                        plan.view(out))
                .arg(cache).arg(Shared.STEP).arg(where()).arg(shape.ratio(), shape.firstValue(), shape
                        .value(), window, cacheRowBytes(source), shape.heads(), 0, 0)
                .real(scale).real(softCap).arg(plan
                        .partials());
        long x = Math.ceilDiv(shape.value(), tuning.rowGroup());
        call(name, kernels, "merge", tuning.rowGroup(),
                (counts, groups) -> groups(groups, shape.parts(counts.tokens(), Math.min(
                        span, counts.longest())) > 1 ? x : 0, shape.heads(), counts.tokens()))
                .arg(Shared.ARENA).arg(plan.view(out)).arg(
                        shape.heads())
                .arg(plan.partials());
    }
}
