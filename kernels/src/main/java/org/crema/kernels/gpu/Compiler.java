package org.crema.kernels.gpu;

import static org.crema.kernels.gpu.Calls.groups;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToIntFunction;
import org.crema.kernels.Cache;
import org.crema.kernels.Element;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rows;
import org.crema.kernels.Routing;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.gpu.Call.Argument;
import org.crema.kernels.gpu.Call.Argument.Shared;

/** Turns ops into calls of kernels. */
public final class Compiler {
    /** Rows up to which a work-group for each chooses experts, router included. */
    static final int ROUTED_ROWS = 4;

    private final Plan plan;
    private final Capacity capacity;
    private final Tuning tuning;
    private final Features features;
    private final Calls calls;
    private final Products products;

    public Compiler(Plan plan, Capacity capacity, Tuning tuning, Features features) {
        this.plan = plan;
        this.capacity = capacity;
        this.tuning = tuning;
        this.features = features;
        this.calls = new Calls(plan, tuning);
        this.products = new Products(plan, tuning, features, calls);
    }

    /** The calls of each part. */
    public List<List<Call>> compile(List<Program> parts) {
        List<List<Call>> all = new ArrayList<>();
        for (Program part : parts) {
            products.forget();
            for (Fusion.Group group : plan.fusion().groups(part)) {
                calls.begin(group.ops());
                products.wrote(group.ops());
                compile(group);
            }
            all.add(calls.take());
        }
        return all;
    }

    /** Whether there is a kernel for the best columns of an output. */
    boolean finds(Slot slot) {
        return features.has(Features.Kernel.BEST) && slot.element() == Element.F32;
    }

    /** The best column of each row of an output in this step. */
    Call best(Slot slot) {
        calls.begin(List.of());
        Rows rows = slot.rows();
        calls.add("the best of " + slot.name(), calls.rows(), "best", tuning.rowGroup(),
                (counts, groups) -> groups(groups, 1, counts
                        .rows(rows), 1))
                .arg(Shared.ARENA).arg(plan.view(slot.all())).arg(slot.columns()).arg((int) (plan.bestAt() / 4));
        return calls.take().getFirst();
    }

    private void compile(Fusion.Group group) {
        switch (group) {
            case Fusion.Group.Single single -> compile(single.op());
            case Fusion.Group.Residual residual -> products.residual(residual);
            case Fusion.Group.Gated gated -> swiGlu(gated.swiGlu(), products.gated(gated));
            case Fusion.Group.ResidualSum sum -> expertSum(sum.sum(), sum.add().out(), plan.view(sum.other()), 0);
            case Fusion.Group.Joint joint -> products.joint(joint);
            case Fusion.Group.Append append -> append(append);
            case Fusion.Group.Route route -> route(route);
            case Fusion.Group.Normed normed -> normed(normed);
            case Fusion.Group.ExpertOutput output -> expertOutput(output);
            case Fusion.Group.Mixture mixture -> {
                products.mixture(mixture);
                calls.ofSeveral(() -> mixture.groups().forEach(this::compile));
            }
        }
    }

    private void compile(Op op) {
        switch (op) {
            case Op.Embed embed -> embed(embed);
            case Op.RmsNorm norm -> rmsNorm(norm, 0);
            case Op.MatMul product -> products.matMul(product);
            case Op.HeadMatMul product -> products.headMatMul(product);
            case Op.Rope rope -> rope(rope);
            case Op.CacheWrite write -> cacheWrite(write);
            case Op.Attention attention -> attention(attention);
            case Op.LatentAttention attention -> latentAttention(attention);
            case Op.GateExperts gate -> gateExperts(gate, 0);
            case Op.ExpertMatMul product -> products.expertMatMul(product);
            case Op.SwiGlu swiGlu -> swiGlu(swiGlu, 0);
            case Op.ExpertSum sum -> expertSum(sum, sum.out(), Calls.NONE, 0);
            case Op.Add add ->
                calls.columns("add", add, add.out()).arg(Shared.ARENA).arg(plan.view(add.out())).arg(plan.view(add.a()))
                        .arg(plan.view(add.b())).arg(add.out().width());
            case Op.SelectRows select -> calls.columns("select_rows", select, select.out()).arg(Shared.ARENA).arg(plan.view(select
                    .out())).arg(plan.view(select.in())).arg(select.out().width()).arg(Shared.STEP).arg(calls.where());
        }
    }

    private void embed(Op.Embed op) {
        long x = Math.ceilDiv(op.table().columns(), 16 * tuning.rowGroup());
        calls.add(op.name(), calls.matMul(op.table(), true), "embed", tuning.rowGroup(),
                (counts, groups) -> groups(groups, x, counts.tokens(), 1))
                .arg(new Argument.Tensor(op.table())).arg((int) op.table().rowBytes()).arg(op.table().columns()).arg(Shared.ARENA)
                .arg(plan.view(op.out())).arg(Shared.STEP).arg(calls.where());
    }

    /** @param from rows below which another call has done it */
    private void rmsNorm(Op.RmsNorm op, int from) {
        int n = op.in().groups();
        Rows rows = op.in().rows();
        boolean int8 = plan.int8Rows(op.out()) > 0 && n == 1;
        Call call = calls
                .add(op.name(), calls.rows(), int8 ? "rms_norm_i8" : "rms_norm", tuning.normGroup(), (counts, groups) -> {
                    int count = counts.rows(rows);
                    groups(groups, count < from ? 0 : n, count, 1);
                }).arg(Shared.ARENA).arg(plan.view(op.out())).arg(plan.view(op.in())).arg(op.in().columns()).arg(Shared.CONSTANTS)
                .arg(
                        plan.vector(Optional.of(op.weight())))
                .real(op.eps());
        if (int8) {
            call.arg(products.int8Rows().place(op.out(), Int8Rows.ALL));
        }
    }

    private void expertOutput(Fusion.Group.ExpertOutput group) {
        View out = group.add().map(Op.Add::out).orElse(group.sum().out());
        int[] residual = group.add().map(add -> plan.view(Fusion.other(add, group.sum().out()).orElseThrow())).orElse(Calls.NONE);
        int from = products.expertOutput(group, out, residual);
        expertSum(group.sum(), out, residual, from);
    }

    /** @param from pairs below which another call has done it */
    private void expertSum(Op.ExpertSum op, View out, int[] residual, int from) {
        int used = op.weights().width();
        long x = Math.ceilDiv(out.width(), tuning.rowGroup());
        calls.add(op.name(), calls.rows(), "expert_sum", tuning.rowGroup(), (counts, groups) -> groups(groups, counts.tokens()
                * used < from ? 0 : x, counts.tokens(), 1)).arg(Shared.ARENA).arg(plan.view(out)).arg(plan.view(op.in())).arg(plan
                        .view(op.weights()))
                .arg(residual).arg(used).arg(out.width());
    }

    /** @param from rows below which another call has done it */
    private void swiGlu(Op.SwiGlu op, int from) {
        long x = Math.ceilDiv(op.out().width(), tuning.rowGroup());
        Rows rows = op.out().rows();
        calls.add(op.name(), calls.rows(), "swiglu", tuning.rowGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n < from ? 0 : x, n, 1);
        }).arg(Shared.ARENA).arg(plan.view(op.out())).arg(plan.view(op.gate())).arg(plan.view(op.up())).arg(op.out().width());
    }

    /** @param than rows up to which another call has done it */
    private void gateExperts(Op.GateExperts op, int than) {
        Routing routing = op.routing();
        products.router(op, than);
        Rows rows = op.in().rows();
        calls.add(op.name(), calls.experts(routing.experts()), "select_experts", tuning.selectGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > than ? n : 0, 1, 1);
        }).arg(Shared.ARENA).arg(plan.logits()).arg(plan.view(op.ids())).arg(plan.view(op.weights())).arg(Shared.CONSTANTS)
                .arg(plan.vector(op.bias())).arg(how(routing)).real(routing.scale());
    }

    private static int[] how(Routing routing) {
        int flags = (routing.scoring() == Routing.Scoring.SOFTMAX ? 1 : 0)
                | (routing.groupScore() == Routing.GroupScore.TOP2_SUM ? 2 : 0) | (routing.normalise() ? 4 : 0);
        return new int[] {routing.used(), routing.groups(), routing.groupsUsed(), flags};
    }

    /** Of one row by what makes it, of more by a kernel of its own. */
    private void normed(Fusion.Group.Normed group) {
        products.normed(group.norm(), () -> compile(group.before()));
        rmsNorm(group.norm(), 2);
    }

    /** A few rows by one kernel, more by those of the ops. */
    private void route(Fusion.Group.Route group) {
        Op.GateExperts op = group.gate();
        if (features.has(Features.Kernel.LAST_GROUP)) {
            router(op);
            return;
        }
        Optional<Op.RmsNorm> norm = group.norm();
        Routing routing = op.routing();
        Rows rows = op.in().rows();
        calls.add(op.name(), calls.route(op.router()), "route", tuning.normGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > ROUTED_ROWS ? 0 : 1, n, 1);
        }).arg(new Argument.Tensor(op.router())).arg((int) op.router().rowBytes()).arg(op.router().columns()).arg(Shared.ARENA)
                .arg(plan.view(op.in())).arg(norm.map(n -> plan.view(n.in())).orElse(Calls.NONE)).arg(Shared.CONSTANTS).arg(norm
                        .map(n -> plan.vector(Optional.of(n.weight()))).orElse(-1))
                .real(norm.map(Op.RmsNorm::eps).orElse(0f))
                .arg(plan.logits()).arg(plan.view(op.ids())).arg(plan.view(op.weights())).arg(plan.vector(op.bias())).arg(how(
                        routing))
                .real(routing.scale());
        norm.ifPresent(n -> rmsNorm(n, ROUTED_ROWS + 1));
        gateExperts(op, ROUTED_ROWS);
    }

    /** Work-groups for a few experts each; the last one of a row chooses. */
    private void router(Op.GateExperts op) {
        Rows rows = op.in().rows();
        long x = Math.ceilDiv(op.router().rows(), tuning.groupRows());
        calls.add(op.name(), calls.route(op.router()), "router", tuning.matvecGroup(), (counts, groups) -> {
            int n = counts.rows(rows);
            groups(groups, n > ROUTED_ROWS ? 0 : x, n, 1);
        }).arg(new Argument.Tensor(op.router())).arg((int) op.router().rowBytes()).arg(op.router().columns()).arg(Shared.ARENA)
                .arg(plan.view(op.in())).arg(Shared.CONSTANTS).arg(plan.logits()).arg(plan.view(op.ids())).arg(plan.view(op
                        .weights()))
                .arg(plan.vector(op.bias())).arg(how(op.routing())).real(op.routing().scale()).arg(plan.tickets());
        gateExperts(op, ROUTED_ROWS);
    }

    /** How pairs are turned, as kernels take it: pairs in a group, columns from the first to the second, from pair to pair, pairs. */
    private static int[] how(Op.Rope op) {
        Rotation rotation = op.rotation();
        int pairs = rotation.frequencies().size();
        boolean adjacent = switch (rotation.pairing()) {
            case ADJACENT -> true;
            case HALVES -> false;
        };
        return new int[] {pairs, adjacent ? 1 : pairs, adjacent ? 2 : 1, pairs * op.in().groups()};
    }

    private void rope(Op.Rope op) {
        int[] how = how(op);
        long x = Math.ceilDiv(how[3], tuning.rowGroup());
        calls.add(op.name(), calls.rows(), "rope", tuning.rowGroup(), (counts, groups) -> groups(groups, x, counts.tokens(), 1))
                .arg(Shared.ARENA).arg(plan.view(op.out())).arg(plan.view(op.in())).arg(how).arg(Shared.CONSTANTS)
                .arg(frequencies(
                        op))
                .real(op.rotation().magnitude()).arg(Shared.STEP).arg(calls.where());
    }

    /** Where a rotation's frequencies are among the constants, in numbers of 8 bytes. */
    private int frequencies(Op.Rope op) {
        return plan.rotations().get(op.rotation()) / 2;
    }

    private int cacheRowBytes(Cache cache) {
        return (int) plan.options().cacheType().rowBytes(cache.columns());
    }

    private void cacheWrite(Op.CacheWrite op) {
        int columns = op.target().columns();
        int items = plan.options().cacheType() == Cache.Type.Q8_0 ? columns / 32 : columns;
        long x = Math.ceilDiv(items, tuning.rowGroup());
        written(calls.add(op.name(), calls.cacheWrites(), "cache_write", tuning.rowGroup(), (counts, groups) -> groups(groups, x,
                counts.tokens(), 1)).arg(Shared.ARENA), op);
    }

    /** The arguments of a cache write, after the arena. */
    private void written(Call call, Op.CacheWrite op) {
        int[] widths = new int[4];
        for (int i = 0; i < widths.length; i++) {
            View view = op.in().get(Math.min(i, op.in().size() - 1));
            widths[i] = i < op.in().size() ? view.width() : 0;
            call.arg(plan.view(view));
        }
        call.arg(widths).arg(op.target().columns()).arg(new Argument.Pages(op.target())).arg(cacheRowBytes(op.target())).arg(
                Shared.STEP).arg(calls.where());
    }

    /** One work-group for what goes into the cache, another one for the rotation beside it. */
    private void append(Fusion.Group.Append group) {
        long x = group.other().isPresent() ? 2 : 1;
        Call call = calls.add(group.write().name(), calls.cacheWrites(), "append", tuning.normGroup(), (counts, groups) -> groups(
                groups, x, counts.tokens(), 1)).arg(Shared.ARENA);
        Optional<Op.RmsNorm> norm = group.norm();
        call.arg(norm.map(n -> plan.view(n.out())).orElse(Calls.NONE)).arg(norm.map(n -> plan.view(n.in())).orElse(Calls.NONE))
                .arg(norm.map(n -> n.in().columns()).orElse(0)).arg(Shared.CONSTANTS).arg(norm.map(n -> plan.vector(Optional.of(n
                        .weight()))).orElse(-1))
                .real(norm.map(Op.RmsNorm::eps).orElse(0f));
        turned(call, group.own());
        // Without another one it is not reached.
        turned(call, group.other().orElse(group.own()));
        written(call, group.write());
    }

    private void turned(Call call, Op.Rope op) {
        call.arg(plan.view(op.out())).arg(plan.view(op.in())).arg(how(op)).arg(frequencies(op)).real(op.rotation().magnitude());
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
        constants.put("WIDE_SUMS", tuning.wideSums() ? 1 : 0);
        calls.putCache(constants);
        Kernels kernels = new Kernels("attention", "attention/attention", Optional.empty(), constants);
        Argument cache = new Argument.Pages(source);
        int span = window > 0 ? window : Integer.MAX_VALUE;
        ToIntFunction<Counts> parts = counts -> shape.parts(counts.tokens(), Math.min(span, counts.longest()));
        Call call = calls.add(name, kernels, "attend", shape.group(), (counts, groups) -> groups(groups, parts.applyAsInt(counts),
                shape.groups(), counts.tokens())).arg(Shared.ARENA).arg(plan.view(q)).arg(plan.view(rest)).arg(plan.view(out))
                .arg(cache).arg(Shared.STEP).arg(calls.where()).arg(shape.ratio(), shape.firstValue(), shape.value(), window,
                        cacheRowBytes(source), shape.heads(), 0, 0)
                .real(scale).real(softCap).arg(plan.partials());
        int merged = features.has(Features.Kernel.LAST_GROUP) ? shape.mergedParts() : 1;
        if (features.has(Features.Kernel.LAST_GROUP)) {
            call.arg(plan.tickets()).arg(merged);
        }
        long x = Math.ceilDiv(shape.value(), tuning.rowGroup());
        calls.add(name, kernels, "merge", tuning.rowGroup(),
                (counts, groups) -> groups(groups, parts.applyAsInt(counts) > Math.max(1,
                        merged) ? x : 0, shape.heads(), counts.tokens()))
                .arg(Shared.ARENA).arg(plan.view(out)).arg(shape.heads())
                .arg(plan.partials());
    }
}
