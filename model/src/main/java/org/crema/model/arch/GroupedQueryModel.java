package org.crema.model.arch;

import java.util.Optional;
import org.crema.kernels.Rotation;
import org.crema.kernels.Routing;
import org.crema.kernels.Slot;
import org.crema.kernels.Weight;
import org.crema.model.gguf.GgufFile;

/**
 * The common shape of Llama and its descendants: grouped-query attention, then a gated feed-forward layer or a mixture of experts
 * whose weights are normalised. What a model has (biases, head norms, experts) shows in its tensors; only the pairing of the rotation
 * does not.
 */
final class GroupedQueryModel {
    private final Keys keys;
    private final Tensors tensors;
    private final Hyper hyper;
    private final GraphBuilder b;
    private final Rotation rotation;

    GroupedQueryModel(String name, GgufFile file, Rotation.Pairing pairing) {
        keys = new Keys(name, file.metadata());
        tensors = new Tensors(file);
        hyper = Hyper.of(keys);
        b = new GraphBuilder(name, hyper);
        int dims = keys.count("rope.dimension_count", hyper.keyColumns());
        rotation = RopeScaling.of(keys, dims, pairing, divisors(dims), true);
    }

    /** Llama 3.1's divisors of the frequencies are a tensor. */
    private float[] divisors(int dims) {
        if (!tensors.has("rope_freqs.weight")) {
            return null;
        }
        Weight weight = tensors.vector("rope_freqs.weight", dims / 2);
        float[] divisors = new float[dims / 2];
        if (weight.planned()) {
            java.util.Arrays.fill(divisors, 1);
        } else {
            weight.type().codec().decode(weight.data(), 0, divisors, 0, divisors.length);
        }
        return divisors;
    }

    ModelGraph graph() {
        Weight table = tensors.matrix("token_embd.weight", hyper.embedding());
        Slot x = b.embed(table);
        for (int layer = 0; layer < hyper.layers(); layer++) {
            String blk = "blk." + layer + ".";
            b.at(layer, Role.ATTENTION);
            Slot n = b.norm("attn_norm", x.all(), tensors.vector(blk + "attn_norm.weight", hyper.embedding()));
            x = b.sum("attn_residual", x, b.attention(layer, n, attention(blk), hyper, rotation));
            b.at(layer, Role.FEED_FORWARD);
            n = b.norm("ffn_norm", x.all(), tensors.vector(blk + "ffn_norm.weight", hyper.embedding()));
            x = b.sum("ffn_residual", x, feedForward(blk, layer, n));
        }
        Weight output = tensors.has("output.weight") ? tensors.matrix("output.weight", table.rows(), hyper.embedding()) : table;
        return b.head(x, tensors.vector("output_norm.weight", hyper.embedding()), output);
    }

    private GraphBuilder.Attention attention(String blk) {
        int query = hyper.heads() * hyper.keyColumns();
        int key = hyper.keyHeads() * hyper.keyColumns();
        int value = hyper.keyHeads() * hyper.valueColumns();
        return new GraphBuilder.Attention(projection(blk + "attn_q", query, hyper.embedding()),
                projection(blk + "attn_k", key, hyper
                        .embedding()),
                projection(blk + "attn_v", value, hyper.embedding()), projection(blk + "attn_output", hyper.embedding(),
                        hyper.heads() * hyper.valueColumns()),
                tensors.optionalVector(blk + "attn_q_norm.weight", hyper.keyColumns()),
                tensors.optionalVector(blk + "attn_k_norm.weight", hyper.keyColumns()));
    }

    private GraphBuilder.Projection projection(String name, int rows, int columns) {
        Optional<Weight> bias = tensors.optionalVector(name + ".bias", rows);
        return new GraphBuilder.Projection(tensors.matrix(name + ".weight", rows, columns), bias);
    }

    private Slot feedForward(String blk, int layer, Slot n) {
        int embedding = hyper.embedding();
        if (!tensors.has(blk + "ffn_gate_inp.weight")) {
            int width = keys.count("feed_forward_length");
            return b.swiGlu(n, tensors.matrix(blk + "ffn_gate.weight", width, embedding),
                    tensors.matrix(blk + "ffn_up.weight", width,
                            embedding),
                    tensors.matrix(blk + "ffn_down.weight", embedding, width));
        }
        int count = keys.count("expert_count");
        // Mixtral has no key of its own for the width of an expert.
        int width = keys.has("expert_feed_forward_length")
                ? keys.count("expert_feed_forward_length")
                : keys.count(
                        "feed_forward_length");
        Weight router = tensors.matrix(blk + "ffn_gate_inp.weight", count, embedding);
        Routing routing = Routing.plain(Routing.Scoring.SOFTMAX, count, keys.count("expert_used_count"), true, 1);
        GraphBuilder.Experts experts = new GraphBuilder.Experts(router, Optional.empty(), tensors.matrices(blk
                + "ffn_gate_exps.weight", count, width, embedding), tensors.matrices(blk + "ffn_up_exps.weight", count, width,
                        embedding),
                tensors.matrices(blk + "ffn_down_exps.weight", count, embedding, width));
        return b.experts(layer, n, experts, b.choose(layer, n, experts, routing));
    }
}
