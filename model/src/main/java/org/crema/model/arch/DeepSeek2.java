package org.crema.model.arch;

import java.util.List;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.Op;
import org.crema.kernels.Rotation;
import org.crema.kernels.Routing;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.model.gguf.GgufFile;

/**
 * DeepSeek-V2, V3 and Coder-V2: latent attention (absorbed: the cache holds the latent and one rotary key per token), a few dense
 * layers, then mixtures of routed and shared experts. arXiv 2405.04434 and 2412.19437.
 *
 * <p>Lite models have one query projection, full ones a low-rank pair. Files from before April 2025 hold {@code attn_kv_b}, per head
 * the rows of the key and then those of the value; newer ones {@code attn_k_b}, transposed, and {@code attn_v_b}.
 */
final class DeepSeek2 implements Architecture {
    private static final int SIGMOID = 2;

    @Override
    public String name() {
        return "deepseek2";
    }

    @Override
    public ModelGraph graph(GgufFile file, ArchitectureOptions options) {
        Keys keys = new Keys(name(), file.metadata());
        Tensors tensors = new Tensors(file);
        Hyper hyper = Hyper.of(keys);
        Latent latent = Latent.of(keys, hyper);
        GraphBuilder b = new GraphBuilder(name(), hyper);
        Weight table = tensors.matrix("token_embd.weight", hyper.embedding());
        int dense = keys.countOrZero("leading_dense_block_count");
        Slot x = b.embed(table);
        for (int layer = 0; layer < hyper.layers(); layer++) {
            String blk = "blk." + layer + ".";
            b.at(layer, Role.ATTENTION);
            Slot n = b.norm("attn_norm", x.all(), tensors.vector(blk + "attn_norm.weight", hyper.embedding()));
            x = b.sum("attn_residual", x, attention(b, tensors, blk, layer, n, hyper, latent));
            b.at(layer, Role.FEED_FORWARD);
            n = b.norm("ffn_norm", x.all(), tensors.vector(blk + "ffn_norm.weight", hyper.embedding()));
            if (layer < dense) {
                x = b.sum("ffn_residual", x, feedForward(b, tensors, blk, "", n, keys.count("feed_forward_length")));
            } else {
                x = mixture(b, tensors, blk, layer, n, x, keys, options);
            }
        }
        Weight output = tensors.has("output.weight") ? tensors.matrix("output.weight", table.rows(), hyper.embedding()) : table;
        return b.head(x, tensors.vector("output_norm.weight", hyper.embedding()), output);
    }

    /** Sizes of latent attention, and its softmax scale. */
    private record Latent(int rank, int queryRank, int nope, int rope, int value, Rotation rotation, float scale) {
        static Latent of(Keys keys, Hyper hyper) {
            // Files with the absorbed layout say the sizes of the absorbed heads under the old names.
            int key = keys.count("attention.key_length_mla", hyper.keyColumns());
            int value = keys.count("attention.value_length_mla", hyper.valueColumns());
            int rope = keys.count("rope.dimension_count");
            if (rope >= key) {
                throw keys.error("rope.dimension_count", "found " + rope + ", expected less than the key length of " + key);
            }
            Rotation rotation = RopeScaling.of(keys, rope, Rotation.Pairing.ADJACENT, null, false);
            double factor = keys.number("rope.scaling.factor", 1);
            double magnitude = 1 + keys.number("rope.scaling.yarn_log_multiplier", 0) * Math.log(Math.max(1, factor));
            return new Latent(keys.count("attention.kv_lora_rank"), keys.countOrZero("attention.q_lora_rank"), key - rope, rope,
                    value,
                    rotation, (float) (magnitude * magnitude / Math.sqrt(key)));
        }
    }

    private static Slot attention(GraphBuilder b, Tensors tensors, String blk, int layer, Slot n, Hyper hyper, Latent a) {
        int heads = hyper.heads();
        int key = a.nope + a.rope;
        // Products of the same input stand together, and so do the rotations: backends make one of them.
        boolean lowRank = tensors.has(blk + "attn_q_a.weight");
        Slot q = lowRank
                ? b.matMul("q_a", n.all(), tensors.matrix(blk + "attn_q_a.weight", a.queryRank, hyper.embedding()))
                : b.matMul("q", n.all(), tensors.matrix(blk + "attn_q.weight", heads * key, hyper.embedding()));
        Slot kv = b.matMul("kv_a", n.all(), tensors.matrix(blk + "attn_kv_a_mqa.weight", a.rank + a.rope, hyper.embedding()));
        if (lowRank) {
            Slot qn = b.norm("q_a_norm", q.all(), tensors.vector(blk + "attn_q_a_norm.weight", a.queryRank));
            q = b.matMul("q", qn.all(), tensors.matrix(blk + "attn_q_b.weight", heads * key, a.queryRank));
        }
        View qNope = q.groups(heads, 0, a.nope);
        View qRope = q.groups(heads, a.nope, a.rope);
        Slot c = b.norm("kv_a_norm", kv.columns(0, a.rank), tensors.vector(blk + "attn_kv_a_norm.weight", a.rank));
        View kRope = kv.columns(a.rank, a.rope);
        b.rotate(qRope, a.rotation);
        b.rotate(kRope, a.rotation);
        Cache cache = new Cache(layer, a.rank + a.rope);
        b.add(new Op.CacheWrite(cache, List.of(c.all(), kRope)));

        Slot absorbed = b.slot("q_absorbed", heads * a.rank);
        Weight valueUp;
        if (tensors.has(blk + "attn_kv_b.weight")) {
            Weight joint = tensors.matrix(blk + "attn_kv_b.weight", heads * (a.nope + a.value), a.rank);
            Weight keyUp = joint.rowsOfGroups(blk + "attn_kv_b.weight[k]", heads, 0, a.nope);
            b.add(new Op.HeadMatMul(absorbed.groups(heads), qNope, keyUp, true));
            valueUp = joint.rowsOfGroups(blk + "attn_kv_b.weight[v]", heads, a.nope, a.value);
        } else {
            Weight keyUp = tensors.matrices(blk + "attn_k_b.weight", heads, a.rank, a.nope);
            b.add(new Op.HeadMatMul(absorbed.groups(heads), qNope, keyUp, false));
            valueUp = tensors.matrices(blk + "attn_v_b.weight", heads, a.value, a.rank);
        }
        Slot context = b.slot("context", heads * a.rank);
        b.add(new Op.LatentAttention(context.groups(heads), absorbed.groups(heads), qRope, cache, a.scale));
        Slot o = b.slot("attention", heads * a.value);
        b.add(new Op.HeadMatMul(o.groups(heads), context.groups(heads), valueUp, false));
        return b.matMul("attn_output", o.all(), tensors.matrix(blk + "attn_output.weight", hyper.embedding(), heads * a.value));
    }

    private static Slot feedForward(GraphBuilder b, Tensors tensors, String blk, String suffix, Slot n, int width) {
        int embedding = n.columns();
        return b.swiGlu(n, tensors.matrix(blk + "ffn_gate" + suffix + ".weight", width, embedding), tensors.matrix(blk + "ffn_up"
                + suffix + ".weight", width, embedding), tensors.matrix(blk + "ffn_down" + suffix + ".weight", embedding, width));
    }

    /** Router, shared experts and the residual sums on one hand, the routed experts on the other. */
    private static Slot mixture(GraphBuilder b, Tensors tensors, String blk, int layer, Slot n, Slot x, Keys keys,
            ArchitectureOptions options) {
        int embedding = n.columns();
        int count = keys.count("expert_count");
        int width = keys.count("expert_feed_forward_length");
        int shared = keys.countOrZero("expert_shared_count");
        Optional<Weight> bias = tensors.optionalVector(blk + "exp_probs_b.bias", count);
        GraphBuilder.Experts experts = new GraphBuilder.Experts(tensors.matrix(blk + "ffn_gate_inp.weight", count, embedding),
                bias,
                tensors.matrices(blk + "ffn_gate_exps.weight", count, width, embedding),
                tensors.matrices(blk + "ffn_up_exps.weight",
                        count, width, embedding),
                tensors.matrices(blk + "ffn_down_exps.weight", count, embedding, width));
        // Next to the norm of what it reads, with which a backend may make one of it.
        GraphBuilder.Chosen chosen = b.choose(layer, n, experts, routing(keys, count, options));
        if (shared > 0) {
            x = b.sum("shared_residual", x, feedForward(b, tensors, blk, "_shexp", n, Math.multiplyExact(width, shared)));
        }
        Slot routed = b.experts(layer, n, experts, chosen);
        return b.sum("ffn_residual", x, routed);
    }

    private static Routing routing(Keys keys, int count, ArchitectureOptions options) {
        boolean sigmoid = keys.count("expert_gating_func", 1) == SIGMOID;
        int groups = keys.count("expert_group_count", 1);
        int groupsUsed = keys.count("expert_group_used_count", groups);
        if (!keys.has("expert_group_count")) {
            // Files from before these keys existed; the published configurations of V2 (160 experts) and V3 (256) have eight groups.
            if (count == 160 && !sigmoid) {
                groups = 8;
                groupsUsed = 3;
            } else if (count == 256 && sigmoid) {
                groups = 8;
                groupsUsed = 4;
            }
        }
        if (!options.groupedRouting()) {
            groups = 1;
            groupsUsed = 1;
        }
        double scale = keys.number("expert_weights_scale", 1);
        return new Routing(sigmoid ? Routing.Scoring.SIGMOID : Routing.Scoring.SOFTMAX, count, keys.count("expert_used_count"),
                groups,
                groupsUsed, sigmoid ? Routing.GroupScore.TOP2_SUM : Routing.GroupScore.MAX,
                keys.flag("expert_weights_norm", false),
                scale == 0 ? 1 : (float) scale);
    }
}
