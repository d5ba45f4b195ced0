package org.crema.model.arch;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.Element;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Routing;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/** The pieces that transformer architectures are put together from. Each method adds ops and gives back where their result is. */
final class GraphBuilder {
    private final Program.Builder program;
    private final List<ModelGraph.Tag> tags = new ArrayList<>();
    private final Hyper hyper;
    private ModelGraph.Tag tag = new ModelGraph.Tag(-1, Role.EMBEDDING);

    GraphBuilder(String name, Hyper hyper) {
        this.program = new Program.Builder(name);
        this.hyper = hyper;
    }

    /** What follows belongs to this layer and role. */
    void at(int layer, Role role) {
        tag = new ModelGraph.Tag(layer, role);
    }

    void add(Op op) {
        program.add(op);
        tags.add(tag);
    }

    Slot slot(String name, int columns) {
        return program.slot(name, Rows.TOKENS, columns);
    }

    /** {@code out[t] = table[token(t)]}. */
    Slot embed(Weight table) {
        at(-1, Role.EMBEDDING);
        Slot x = slot("x", table.columns());
        add(new Op.Embed(x.all(), table));
        return x;
    }

    Slot norm(String name, View in, Weight weight) {
        Slot out = program.slot(name, in.rows(), in.width());
        add(new Op.RmsNorm(out.all(), in, weight, hyper.epsilon()));
        return out;
    }

    Slot matMul(String name, View in, Projection projection) {
        Slot out = program.slot(name, in.rows(), projection.weight().rows());
        add(new Op.MatMul(out.all(), in, projection.weight(), projection.bias()));
        return out;
    }

    Slot matMul(String name, View in, Weight weight) {
        return matMul(name, in, new Projection(weight, Optional.empty()));
    }

    Slot sum(String name, Slot a, Slot b) {
        Slot out = slot(name, a.columns());
        add(new Op.Add(out.all(), a.all(), b.all()));
        return out;
    }

    void rotate(View view, Rotation rotation) {
        add(new Op.Rope(view, view, rotation));
    }

    /** {@code down · (silu(gate · in) * (up · in))}. */
    Slot swiGlu(Slot in, Weight gate, Weight up, Weight down) {
        Slot g = matMul("ffn_gate", in.all(), gate);
        Slot u = matMul("ffn_up", in.all(), up);
        Slot h = slot("ffn_act", g.columns());
        add(new Op.SwiGlu(h.all(), g.all(), u.all()));
        return matMul("ffn_down", h.all(), down);
    }

    /** The choice of experts, in role FEED_FORWARD. */
    Chosen choose(int layer, Slot in, Experts experts, Routing routing) {
        at(layer, Role.FEED_FORWARD);
        int used = routing.used();
        Slot ids = program.slot("expert_ids", Rows.TOKENS, used, Element.I32);
        Slot weights = slot("expert_weights", used);
        add(new Op.GateExperts(ids.all(), weights.all(), in.all(), experts.router(), experts.bias(), routing));
        return new Chosen(ids, weights);
    }

    /** The chosen experts of a mixture, in role EXPERTS; what follows is in role FEED_FORWARD. */
    Slot experts(int layer, Slot in, Experts experts, Chosen chosen) {
        at(layer, Role.EXPERTS);
        Slot ids = chosen.ids();
        Rows pairs = Rows.pairs(ids.columns());
        Slot g = program.slot("expert_gate", pairs, experts.gate().rows());
        add(new Op.ExpertMatMul(g.all(), in.all(), ids.all(), experts.gate()));
        Slot u = program.slot("expert_up", pairs, experts.up().rows());
        add(new Op.ExpertMatMul(u.all(), in.all(), ids.all(), experts.up()));
        Slot h = program.slot("expert_act", pairs, experts.gate().rows());
        add(new Op.SwiGlu(h.all(), g.all(), u.all()));
        Slot d = program.slot("expert_down", pairs, experts.down().rows());
        add(new Op.ExpertMatMul(d.all(), h.all(), ids.all(), experts.down()));
        Slot out = slot("expert_sum", d.columns());
        add(new Op.ExpertSum(out.all(), d.all(), chosen.weights().all()));
        at(layer, Role.FEED_FORWARD);
        return out;
    }

    /**
     * Grouped-query attention with rotary positions.
     *
     * @param n normed input
     * @return what the output projection gives
     */
    Slot attention(int layer, Slot n, Attention a, Hyper h, Rotation rotation) {
        Slot q = matMul("q", n.all(), a.q());
        Slot k = matMul("k", n.all(), a.k());
        Slot v = matMul("v", n.all(), a.v());
        int head = h.keyColumns();
        a.qNorm().ifPresent(w -> add(new Op.RmsNorm(q.groups(h.heads()), q.groups(h.heads()), w, h.epsilon())));
        a.kNorm().ifPresent(w -> add(new Op.RmsNorm(k.groups(h.keyHeads()), k.groups(h.keyHeads()), w, h.epsilon())));
        rotate(q.groups(h.heads(), 0, rotation.dims()), rotation);
        rotate(k.groups(h.keyHeads(), 0, rotation.dims()), rotation);
        Cache cache = new Cache(layer, h.keyHeads() * (head + h.valueColumns()));
        add(new Op.CacheWrite(cache, List.of(k.all(), v.all())));
        Slot o = slot("attention", h.heads() * h.valueColumns());
        add(new Op.Attention(o.groups(h.heads()), q.groups(h.heads()), cache, h.keyHeads(), (float) (1 / Math.sqrt(head)), 0, 0));
        return matMul("attn_output", o.all(), a.output());
    }

    /** Last norm and output projection of the rows whose logits are wanted. */
    ModelGraph head(Slot x, Weight norm, Weight output) {
        at(hyper.layers(), Role.HEAD);
        Slot picked = program.slot("picked", Rows.OUTPUTS, x.columns());
        add(new Op.SelectRows(picked.all(), x.all()));
        Slot n = norm("output_norm", picked.all(), norm);
        Slot logits = matMul("logits", n.all(), output);
        return new ModelGraph(program.build(logits), tags, logits, output.rows(), hyper.layers(), hyper.embedding(), hyper
                .trainedContext());
    }

    /** A weight with the bias that some models add. */
    record Projection(Weight weight, Optional<Weight> bias) {}

    /** Tensors of a grouped-query attention. */
    record Attention(Projection q, Projection k, Projection v, Projection output, Optional<Weight> qNorm,
            Optional<Weight> kNorm) {}

    /** Which experts a token goes to, and with what weights. */
    record Chosen(Slot ids, Slot weights) {}

    /** Tensors of the routed experts. */
    record Experts(Weight router, Optional<Weight> bias, Weight gate, Weight up, Weight down) {}
}
