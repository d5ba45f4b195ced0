package org.crema.model.placement;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.crema.kernels.quant.QuantType;
import org.crema.model.gguf.GgufWriter;

/**
 * Headers of the published DeepSeek-Coder-V2 files: every tensor with its shape and type, no data. Hyper-parameters are those of the
 * published configurations; the types are what llama.cpp's {@code Q4_K_M} gives: Q6_K for the head and for the down projections of the
 * first eighth, the last eighth and every third layer between, Q4_K for all other matrices; where rows are no multiple of 256, Q8_0
 * takes the place of Q6_K and Q5_0 that of Q4_K; vectors and routers stay F32.
 *
 * @param queryRank rank of the query projection; 0 for a single matrix
 * @param dense width of the dense layer
 * @param expert width of an expert
 */
public record StandIn(int layers, int hidden, int heads, int queryRank, int dense, int expert, int experts, float weightsScale) {
    /** DeepSeek-Coder-V2-Instruct. */
    public static final StandIn FULL = new StandIn(60, 5120, 128, 1536, 12288, 1536, 160, 16);
    /** DeepSeek-Coder-V2-Lite-Instruct. */
    public static final StandIn LITE = new StandIn(27, 2048, 16, 0, 10944, 1408, 64, 1);

    private static final int VOCABULARY = 102400;
    private static final int LATENT = 512;
    private static final int ROPE = 64;
    private static final int NOPE = 128;
    private static final int VALUE = 128;
    private static final int SHARED = 2;
    private static final int SUPER_BLOCK = 256;

    /** Writes the header to a file and gives its path. */
    public Path write(Path file) throws IOException {
        return Files.write(file, header().header());
    }

    private GgufWriter header() {
        GgufWriter w = new GgufWriter();
        w.put("general.architecture", "deepseek2").put("deepseek2.block_count", layers).put("deepseek2.context_length", 163840)
                .put("deepseek2.embedding_length", hidden).put("deepseek2.feed_forward_length", dense)
                .put("deepseek2.attention.head_count", heads).put("deepseek2.attention.head_count_kv", heads)
                .put("deepseek2.rope.freq_base", 10000f).put("deepseek2.attention.layer_norm_rms_epsilon", 1e-6f)
                .put("deepseek2.expert_used_count", 6).put("deepseek2.leading_dense_block_count", 1)
                .put("deepseek2.vocab_size", VOCABULARY).put("deepseek2.attention.kv_lora_rank", LATENT)
                .put("deepseek2.attention.key_length", NOPE + ROPE).put("deepseek2.attention.value_length", VALUE)
                .put("deepseek2.expert_feed_forward_length", expert).put("deepseek2.expert_count", experts)
                .put("deepseek2.expert_shared_count", SHARED).put("deepseek2.expert_weights_scale", weightsScale)
                .put("deepseek2.rope.dimension_count", ROPE).put("deepseek2.rope.scaling.type", "yarn")
                .put("deepseek2.rope.scaling.factor", 40f).put("deepseek2.rope.scaling.original_context_length", 4096)
                .put("deepseek2.rope.scaling.yarn_log_multiplier", 0.0707f);
        if (queryRank > 0) {
            w.put("deepseek2.attention.q_lora_rank", queryRank);
        }
        matrix(w, "token_embd", QuantType.Q4_K, hidden, VOCABULARY);
        for (int layer = 0; layer < layers; layer++) {
            layer(w, layer);
        }
        vector(w, "output_norm", hidden);
        matrix(w, "output", QuantType.Q6_K, hidden, VOCABULARY);
        return w;
    }

    private void layer(GgufWriter w, int layer) {
        String blk = "blk." + layer + ".";
        QuantType down = more(layer) ? QuantType.Q6_K : QuantType.Q4_K;
        vector(w, blk + "attn_norm", hidden);
        if (queryRank > 0) {
            matrix(w, blk + "attn_q_a", QuantType.Q4_K, hidden, queryRank);
            vector(w, blk + "attn_q_a_norm", queryRank);
            matrix(w, blk + "attn_q_b", QuantType.Q4_K, queryRank, heads * (NOPE + ROPE));
        } else {
            matrix(w, blk + "attn_q", QuantType.Q4_K, hidden, heads * (NOPE + ROPE));
        }
        matrix(w, blk + "attn_kv_a_mqa", QuantType.Q4_K, hidden, LATENT + ROPE);
        vector(w, blk + "attn_kv_a_norm", LATENT);
        matrix(w, blk + "attn_kv_b", QuantType.Q4_K, LATENT, heads * (NOPE + VALUE));
        matrix(w, blk + "attn_output", QuantType.Q4_K, heads * VALUE, hidden);
        vector(w, blk + "ffn_norm", hidden);
        if (layer == 0) {
            matrix(w, blk + "ffn_gate", QuantType.Q4_K, hidden, dense);
            matrix(w, blk + "ffn_up", QuantType.Q4_K, hidden, dense);
            matrix(w, blk + "ffn_down", down, dense, hidden);
            return;
        }
        w.tensor(blk + "ffn_gate_inp.weight", QuantType.F32, List.of((long) hidden, (long) experts), null);
        experts(w, blk + "ffn_gate_exps", QuantType.Q4_K, hidden, expert);
        experts(w, blk + "ffn_up_exps", QuantType.Q4_K, hidden, expert);
        experts(w, blk + "ffn_down_exps", down, expert, hidden);
        matrix(w, blk + "ffn_gate_shexp", QuantType.Q4_K, hidden, expert * SHARED);
        matrix(w, blk + "ffn_up_shexp", QuantType.Q4_K, hidden, expert * SHARED);
        matrix(w, blk + "ffn_down_shexp", down, expert * SHARED, hidden);
    }

    /** Whether a layer's down projections have more bits. */
    private boolean more(int layer) {
        int eighth = layers / 8;
        return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
    }

    private static void vector(GgufWriter w, String name, long columns) {
        w.tensor(name + ".weight", QuantType.F32, List.of(columns), null);
    }

    private static void matrix(GgufWriter w, String name, QuantType type, long columns, long rows) {
        w.tensor(name + ".weight", fallback(type, columns), List.of(columns, rows), null);
    }

    private void experts(GgufWriter w, String name, QuantType type, long columns, long rows) {
        w.tensor(name + ".weight", fallback(type, columns), List.of(columns, rows, (long) experts), null);
    }

    private static QuantType fallback(QuantType type, long columns) {
        if (columns % SUPER_BLOCK == 0) {
            return type;
        }
        return type == QuantType.Q6_K ? QuantType.Q8_0 : QuantType.Q5_0;
    }
}
