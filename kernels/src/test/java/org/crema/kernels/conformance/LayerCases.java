package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.OUTPUTS;
import static org.crema.kernels.Rows.TOKENS;
import static org.crema.kernels.quant.QuantType.BF16;
import static org.crema.kernels.quant.QuantType.F16;
import static org.crema.kernels.quant.QuantType.F32;
import static org.crema.kernels.quant.QuantType.IQ1_M;
import static org.crema.kernels.quant.QuantType.IQ2_XS;
import static org.crema.kernels.quant.QuantType.IQ3_XXS;
import static org.crema.kernels.quant.QuantType.IQ4_NL;
import static org.crema.kernels.quant.QuantType.IQ4_XS;
import static org.crema.kernels.quant.QuantType.Q3_K;
import static org.crema.kernels.quant.QuantType.Q4_0;
import static org.crema.kernels.quant.QuantType.Q4_K;
import static org.crema.kernels.quant.QuantType.Q5_0;
import static org.crema.kernels.quant.QuantType.Q5_K;
import static org.crema.kernels.quant.QuantType.Q6_K;
import static org.crema.kernels.quant.QuantType.Q8_0;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rotation.Pairing;
import org.crema.kernels.Routing;
import org.crema.kernels.Routing.Scoring;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/** Whole layers from token ids to logits, where a backend fuses ops: in one piece, in parts, and on several executables. */
final class LayerCases {
    private static final int VOCABULARY = 50;
    private static final int D = 256;
    private static final int LAYER_COST = 4_000_000;

    private LayerCases() {}

    /**
     * Types of a layer's tensors.
     *
     * @param attention of the attention's projections
     * @param value of the attention's value and output projections
     * @param up of gates and ups
     * @param down of downs; their rows are no multiple of 256
     * @param output of the embedding and the output
     */
    private record Mix(String name, QuantType attention, QuantType value, QuantType up, QuantType down, QuantType output) {}

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        List<Mix> mixes = List.of(
                new Mix("Q4_K_M", Q4_K, Q6_K, Q4_K, Q5_0, Q6_K),
                new Mix("Q5_K", Q5_K, Q8_0, Q5_K, Q8_0, Q4_K),
                new Mix("plain", F16, BF16, Q8_0, F32, F16),
                new Mix("old", Q4_0, Q5_0, Q3_K, Q4_0, Q8_0),
                new Mix("I-quants", IQ3_XXS, IQ4_XS, IQ2_XS, IQ4_NL, IQ1_M));
        for (Mix mix : mixes) {
            for (Scenario.Cut cut : Scenario.Cut.values()) {
                boolean joint = cut != Scenario.Cut.PARTS;
                cases.add(new Case("Layer/deepseek2/" + mix.name() + "/" + cut, LAYER_COST,
                        data -> deepseek(mix, cut, joint, data)));
                cases.add(new Case("Layer/llama/" + mix.name() + "/" + cut, LAYER_COST, data -> llama(mix, cut, joint, data)));
            }
        }
        return cases;
    }

    /** Latent attention, then routed and shared experts. */
    private static Scenario deepseek(Mix mix, Scenario.Cut cut, boolean joint, RandomData data) {
        int heads = 4;
        int key = 32;
        int rope = 32;
        int value = 64;
        int latent = 256;
        Scenario s = new Scenario("deepseek2", data).cache(joint ? Cache.Type.F16 : Cache.Type.F32).cut(cut).layer();
        Slot x = s.slot("x", TOKENS, D);
        s.place(0).add(new Op.Embed(x.all(), data.weight("token_embd", mix.output(), VOCABULARY, D)));

        View n = norm(s, x, "attn_norm");
        Slot q = matMul(s, "attn_q", n, mix.attention(), heads * (key + rope));
        Slot kv = matMul(s, "attn_kv_a_mqa", n, mix.attention(), latent + rope);
        View c = kv.columns(0, latent);
        View r = kv.columns(latent, rope);
        View qRope = q.groups(heads, key, rope);
        s.add(new Op.RmsNorm(c, c, data.scales("attn_kv_a_norm", F32, latent), 1e-6f));
        s.add(new Op.Rope(qRope, qRope, rotation(rope, Pairing.ADJACENT)));
        s.add(new Op.Rope(r, r, rotation(rope, Pairing.ADJACENT)));
        Cache cache = new Cache(0, latent + rope);
        s.add(new Op.CacheWrite(cache, List.of(c, r)));
        Weight both = data.weight("attn_kv_b", mix.value(), heads * (key + value), latent);
        Weight keys = joint ? both.rowsOfGroups("k_b", heads, 0, key) : data.weight("k_b", mix.value(), heads, key, latent);
        Weight values = both.rowsOfGroups("v_b", heads, key, value);
        Slot absorbed = s.slot("q_absorbed", TOKENS, heads * latent);
        Slot context = s.slot("context", TOKENS, heads * latent);
        Slot o = s.slot("o", TOKENS, heads * value);
        s.add(new Op.HeadMatMul(absorbed.groups(heads), q.groups(heads, 0, key), keys, true));
        s.add(new Op.LatentAttention(context.groups(heads), absorbed.groups(heads), qRope, cache, 0.09f));
        s.add(new Op.HeadMatMul(o.groups(heads), context.groups(heads), values, false));
        Slot attended = matMul(s, "attn_output", o.all(), mix.value(), D);
        s.add(new Op.Add(x.all(), x.all(), attended.all()));

        n = norm(s, x, "ffn_norm");
        Routing routing = Routing.plain(Scoring.SOFTMAX, 8, 3, false, 1);
        int width = 96;
        Slot ids = s.ids("ids", routing.used());
        Slot weights = s.slot("expert_weights", TOKENS, routing.used());
        s.add(new Op.GateExperts(ids.all(), weights.all(), n, data.weight("ffn_gate_inp", F32, 8, D), Optional.empty(), routing));
        Rows pairs = Rows.pairs(routing.used());
        Slot gate = s.slot("gate", pairs, width);
        Slot up = s.slot("up", pairs, width);
        Slot down = s.slot("down", pairs, D);
        s.place(1);
        s.add(new Op.ExpertMatMul(gate.all(), n, ids.all(), data.weight("ffn_gate_exps", mix.up(), 8, width, D)));
        s.add(new Op.ExpertMatMul(up.all(), n, ids.all(), data.weight("ffn_up_exps", mix.up(), 8, width, D)));
        s.add(new Op.SwiGlu(gate.all(), gate.all(), up.all()));
        s.add(new Op.ExpertMatMul(down.all(), gate.all(), ids.all(), data.weight("ffn_down_exps", mix.down(), 8, D, width)));
        s.place(2);
        Slot shared = feedForward(s, n, mix, 192, "shexp");
        s.place(0);
        Slot routed = s.slot("routed", TOKENS, D);
        s.add(new Op.ExpertSum(routed.all(), down.all(), weights.all()));
        s.add(new Op.Add(x.all(), x.all(), routed.all()));
        s.add(new Op.Add(x.all(), x.all(), shared.all()));
        return steps(s, x, mix, ids);
    }

    /** Two layers of grouped-query attention with biases and norms per head, then a plain feed-forward. */
    private static Scenario llama(Mix mix, Scenario.Cut cut, boolean biases, RandomData data) {
        int heads = 4;
        int keyHeads = 2;
        int head = 64;
        Scenario s = new Scenario("llama", data).cache(biases ? Cache.Type.Q8_0 : Cache.Type.F16).cut(cut).layer();
        Slot x = s.slot("x", TOKENS, D);
        s.place(0).add(new Op.Embed(x.all(), data.weight("token_embd", mix.output(), VOCABULARY, D)));
        for (int layer = 0; layer < 2; layer++) {
            s.place(layer);
            View n = norm(s, x, "attn_norm");
            Slot q = projection(s, "attn_q", n, mix.attention(), heads * head, biases);
            Slot k = projection(s, "attn_k", n, mix.attention(), keyHeads * head, biases);
            Slot v = projection(s, "attn_v", n, mix.value(), keyHeads * head, biases);
            if (!biases) {
                s.add(new Op.RmsNorm(q.groups(heads), q.groups(heads), data.scales("attn_q_norm", F32, head), 1e-6f));
                s.add(new Op.RmsNorm(k.groups(keyHeads), k.groups(keyHeads), data.scales("attn_k_norm", F32, head), 1e-6f));
            }
            s.add(new Op.Rope(q.groups(heads), q.groups(heads), rotation(head, Pairing.HALVES)));
            s.add(new Op.Rope(k.groups(keyHeads), k.groups(keyHeads), rotation(head, Pairing.HALVES)));
            Cache cache = new Cache(layer, 2 * keyHeads * head);
            s.add(new Op.CacheWrite(cache, List.of(k.all(), v.all())));
            Slot context = s.slot("context", TOKENS, heads * head);
            s.add(new Op.Attention(context.groups(heads), q.groups(heads), cache, keyHeads, biases ? 0.06f : 0.125f, 0, 0));
            Slot o = matMul(s, "attn_output", context.all(), mix.value(), D);
            s.add(new Op.Add(x.all(), x.all(), o.all()));
            s.place(1);
            Slot f = feedForward(s, norm(s, x, "ffn_norm"), mix, 160, "ffn");
            s.add(new Op.Add(x.all(), x.all(), f.all()));
        }
        return steps(s.place(2), x, mix);
    }

    private static Scenario steps(Scenario s, Slot x, Mix mix, Slot... more) {
        RandomData data = s.data();
        Slot last = s.slot("last", OUTPUTS, D);
        Slot normed = s.slot("normed", OUTPUTS, D);
        Slot logits = s.slot("logits", OUTPUTS, VOCABULARY);
        s.add(new Op.SelectRows(last.all(), x.all()));
        s.add(new Op.RmsNorm(normed.all(), last.all(), data.scales("output_norm", F32, D), 1e-6f));
        s.add(new Op.MatMul(logits.all(), normed.all(), data.weight("output", mix.output(), VOCABULARY, D)));
        List<Slot> outputs = new ArrayList<>(List.of(more));
        outputs.add(x);
        outputs.add(logits);
        Limits limits = Batch.paged(12, 2, 16, 40);
        s.outputs(limits, outputs.toArray(Slot[]::new));
        Batch batch = new Batch(limits, data).vocabulary(VOCABULARY);
        for (int[] counts : new int[][] {{7, 0}, {1, 11}, {1, 1}, {0, 1}, {5, 4}}) {
            s.round(batch.step(counts));
        }
        return s;
    }

    private static View norm(Scenario s, Slot x, String name) {
        Slot n = s.slot(name, TOKENS, D);
        s.add(new Op.RmsNorm(n.all(), x.all(), s.data().scales(name, F32, D), 1e-6f));
        return n.all();
    }

    private static Slot matMul(Scenario s, String name, View in, QuantType type, int rows) {
        Slot out = s.slot(name, TOKENS, rows);
        s.add(new Op.MatMul(out.all(), in, s.data().weight(name, type, rows, in.width())));
        return out;
    }

    private static Slot projection(Scenario s, String name, View in, QuantType type, int rows, boolean bias) {
        Slot out = s.slot(name, TOKENS, rows);
        Optional<Weight> b = bias ? Optional.of(s.data().weight(name + ".bias", F32, 1, rows)) : Optional.empty();
        s.add(new Op.MatMul(out.all(), in, s.data().weight(name, type, rows, in.width()), b));
        return out;
    }

    private static Slot feedForward(Scenario s, View in, Mix mix, int width, String name) {
        Slot gate = matMul(s, name + "_gate", in, mix.up(), width);
        Slot up = matMul(s, name + "_up", in, mix.up(), width);
        s.add(new Op.SwiGlu(gate.all(), gate.all(), up.all()));
        return matMul(s, name + "_down", gate.all(), mix.down(), D);
    }

    private static Rotation rotation(int dims, Pairing pairing) {
        List<Double> frequencies = new ArrayList<>();
        for (int i = 0; i < dims / 2; i++) {
            frequencies.add(Math.pow(10000, -2.0 * i / dims));
        }
        return new Rotation(pairing, frequencies, 1);
    }
}
