package org.crema.model.arch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.OracleData;
import org.crema.kernels.quant.QuantType;
import org.crema.model.gguf.GgufException;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufWriter;
import org.crema.model.oracle.OracleLogits;
import org.crema.model.runtime.Devices;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Llama and its descendants on random weights, against a forward pass that is written out here from the papers, one token after the
 * other and in double.
 */
class GroupedQueryModelTest {
    private static final int LAYERS = 2;
    private static final int WIDTH = 24;
    private static final int HEADS = 4;
    private static final int KEY_HEADS = 2;
    private static final int HEAD = 8;
    private static final int HIDDEN = 20;
    private static final int EXPERTS = 4;
    private static final int VOCABULARY = 32;
    private static final double EPSILON = 1e-5;
    private static final int[] PROMPT = {3, 1, 4, 1, 5, 9, 2, 6, 31, 0};

    private final Map<String, double[]> tensors = new HashMap<>();
    private final SplittableRandom random = new SplittableRandom(5);
    private final GgufWriter writer = new GgufWriter();

    private void tensor(String name, long... dims) {
        int count = 1;
        List<Long> list = new ArrayList<>();
        for (long dim : dims) {
            count *= (int) dim;
            list.add(dim);
        }
        double[] values = new double[count];
        ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            float value = (float) (name.contains("norm") ? 1 + 0.3 * random.nextGaussian() : 0.3 * random.nextGaussian());
            values[i] = value;
            bytes.putFloat(value);
        }
        tensors.put(name, values);
        writer.tensor(name, QuantType.F32, list, bytes.array());
    }

    private byte[] model(String name) {
        boolean moe = name.equals("qwen3moe");
        writer.put("general.architecture", name).put(name + ".block_count", LAYERS).put(name + ".embedding_length", WIDTH)
                .put(name
                        + ".attention.head_count", HEADS)
                .put(name + ".attention.head_count_kv", KEY_HEADS).put(name + ".attention.key_length", HEAD)
                .put(name + ".attention.value_length", HEAD).put(name + ".attention.layer_norm_rms_epsilon", (float) EPSILON)
                .put(name
                        + ".context_length", 64)
                .put(name + ".feed_forward_length", HIDDEN).put(name + ".rope.freq_base", 500f);
        if (moe) {
            writer.put(name + ".expert_count", EXPERTS).put(name + ".expert_used_count", 2)
                    .put(name + ".expert_feed_forward_length", HIDDEN);
        }
        tensor("token_embd.weight", WIDTH, VOCABULARY);
        tensor("output_norm.weight", WIDTH);
        if (!name.equals("qwen2")) {
            tensor("output.weight", WIDTH, VOCABULARY);
        }
        if (name.equals("llama")) {
            tensor("rope_freqs.weight", HEAD / 2);
        }
        for (int layer = 0; layer < LAYERS; layer++) {
            String blk = "blk." + layer + ".";
            tensor(blk + "attn_norm.weight", WIDTH);
            tensor(blk + "attn_q.weight", WIDTH, HEADS * HEAD);
            tensor(blk + "attn_k.weight", WIDTH, KEY_HEADS * HEAD);
            tensor(blk + "attn_v.weight", WIDTH, KEY_HEADS * HEAD);
            tensor(blk + "attn_output.weight", HEADS * HEAD, WIDTH);
            if (name.equals("qwen2")) {
                tensor(blk + "attn_q.bias", HEADS * HEAD);
                tensor(blk + "attn_k.bias", KEY_HEADS * HEAD);
                tensor(blk + "attn_v.bias", KEY_HEADS * HEAD);
            }
            if (name.startsWith("qwen3")) {
                tensor(blk + "attn_q_norm.weight", HEAD);
                tensor(blk + "attn_k_norm.weight", HEAD);
            }
            tensor(blk + "ffn_norm.weight", WIDTH);
            if (moe) {
                tensor(blk + "ffn_gate_inp.weight", WIDTH, EXPERTS);
                tensor(blk + "ffn_gate_exps.weight", WIDTH, HIDDEN, EXPERTS);
                tensor(blk + "ffn_up_exps.weight", WIDTH, HIDDEN, EXPERTS);
                tensor(blk + "ffn_down_exps.weight", HIDDEN, WIDTH, EXPERTS);
            } else {
                tensor(blk + "ffn_gate.weight", WIDTH, HIDDEN);
                tensor(blk + "ffn_up.weight", WIDTH, HIDDEN);
                tensor(blk + "ffn_down.weight", HIDDEN, WIDTH);
            }
        }
        return writer.bytes();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "qwen3", "qwen3moe"})
    void logitsAreThoseOfThePapers(String name) {
        byte[] bytes = model(name);
        float[] expected = expected(name);
        try (GgufFile file = GgufFile.open(name + ".gguf", MemorySegment.ofArray(bytes));
                Device device = Devices.open("reference",
                        DeviceOptions.DEFAULT)) {
            double error = OracleData.nmse(OracleLogits.logits(file, device, Precision.F32, 4, PROMPT, 0), expected);
            assertTrue(error < 1e-11, name + ": NMSE " + error);
        }
    }

    private float[] expected(String name) {
        float[] logits = new float[PROMPT.length * VOCABULARY];
        double[][][] keys = new double[LAYERS][PROMPT.length][];
        double[][][] values = new double[LAYERS][PROMPT.length][];
        for (int t = 0; t < PROMPT.length; t++) {
            double[] x = new double[WIDTH];
            System.arraycopy(tensors.get("token_embd.weight"), PROMPT[t] * WIDTH, x, 0, WIDTH);
            for (int layer = 0; layer < LAYERS; layer++) {
                String blk = "blk." + layer + ".";
                double[] n = norm(x, blk + "attn_norm.weight");
                double[] q = heads(name, product(n, blk + "attn_q"), blk + "attn_q_norm.weight", t);
                keys[layer][t] = heads(name, product(n, blk + "attn_k"), blk + "attn_k_norm.weight", t);
                values[layer][t] = product(n, blk + "attn_v");
                x = sum(x, product(attend(q, keys[layer], values[layer], t), blk + "attn_output"));
                n = norm(x, blk + "ffn_norm.weight");
                x = sum(x,
                        name.equals("qwen3moe")
                                ? mixture(n, blk)
                                : swiGlu(n, blk + "ffn_gate.weight", blk + "ffn_up.weight", blk
                                        + "ffn_down.weight", 0));
            }
            double[] n = norm(x, "output_norm.weight");
            double[] row = matrix(n, tensors.getOrDefault("output.weight", tensors.get("token_embd.weight")), 0, VOCABULARY);
            for (int v = 0; v < VOCABULARY; v++) {
                logits[t * VOCABULARY + v] = (float) row[v];
            }
        }
        return logits;
    }

    private double[] norm(double[] x, String weight) {
        double[] w = tensors.get(weight);
        double[] y = new double[x.length];
        for (int from = 0; from < x.length; from += w.length) {
            double squares = 0;
            for (int i = 0; i < w.length; i++) {
                squares += x[from + i] * x[from + i];
            }
            for (int i = 0; i < w.length; i++) {
                y[from + i] = x[from + i] / Math.sqrt(squares / w.length + (float) EPSILON) * w[i];
            }
        }
        return y;
    }

    private static double[] matrix(double[] x, double[] w, int from, int rows) {
        double[] y = new double[rows];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < x.length; c++) {
                y[r] += w[from + r * x.length + c] * x[c];
            }
        }
        return y;
    }

    private double[] product(double[] x, String name) {
        double[] w = tensors.get(name + ".weight");
        double[] y = matrix(x, w, 0, w.length / x.length);
        double[] bias = tensors.get(name + ".bias");
        return bias == null ? y : sum(y, bias);
    }

    private static double[] sum(double[] a, double[] b) {
        double[] y = a.clone();
        for (int i = 0; i < y.length; i++) {
            y[i] += b[i];
        }
        return y;
    }

    /** Norms of the heads, where there are any, then the rotation. */
    private double[] heads(String name, double[] all, String norm, int position) {
        double[] y = tensors.containsKey(norm) ? norm(all, norm) : all;
        double[] factors = tensors.get("rope_freqs.weight");
        double[] turned = y.clone();
        for (int from = 0; from < y.length; from += HEAD) {
            for (int i = 0; i < HEAD / 2; i++) {
                double angle = position * Math.pow(500, -2.0 * i / HEAD) / (factors == null ? 1 : factors[i]);
                int a = from + (name.equals("llama") ? 2 * i : i);
                int b = from + (name.equals("llama") ? 2 * i + 1 : i + HEAD / 2);
                turned[a] = y[a] * Math.cos(angle) - y[b] * Math.sin(angle);
                turned[b] = y[a] * Math.sin(angle) + y[b] * Math.cos(angle);
            }
        }
        return turned;
    }

    private static double[] attend(double[] q, double[][] keys, double[][] values, int t) {
        double[] out = new double[HEADS * HEAD];
        for (int h = 0; h < HEADS; h++) {
            int from = h * KEY_HEADS / HEADS * HEAD;
            double[] weights = new double[t + 1];
            double total = 0;
            for (int s = 0; s <= t; s++) {
                double score = 0;
                for (int i = 0; i < HEAD; i++) {
                    score += q[h * HEAD + i] * keys[s][from + i];
                }
                weights[s] = Math.exp(score / Math.sqrt(HEAD));
                total += weights[s];
            }
            for (int s = 0; s <= t; s++) {
                for (int i = 0; i < HEAD; i++) {
                    out[h * HEAD + i] += weights[s] / total * values[s][from + i];
                }
            }
        }
        return out;
    }

    private double[] swiGlu(double[] n, String gate, String up, String down, int expert) {
        double[] g = matrix(n, tensors.get(gate), expert * HIDDEN * WIDTH, HIDDEN);
        double[] u = matrix(n, tensors.get(up), expert * HIDDEN * WIDTH, HIDDEN);
        for (int i = 0; i < HIDDEN; i++) {
            g[i] = g[i] / (1 + Math.exp(-g[i])) * u[i];
        }
        return matrix(g, tensors.get(down), expert * HIDDEN * WIDTH, WIDTH);
    }

    private double[] mixture(double[] n, String blk) {
        double[] scores = matrix(n, tensors.get(blk + "ffn_gate_inp.weight"), 0, EXPERTS);
        TreeMap<Double, Integer> best = new TreeMap<>();
        for (int e = 0; e < EXPERTS; e++) {
            best.put(-scores[e], e);
        }
        int first = best.pollFirstEntry().getValue();
        int second = best.pollFirstEntry().getValue();
        // Softmax over all, then normalised over the two, is the softmax over the two.
        double weight = 1 / (1 + Math.exp(scores[second] - scores[first]));
        double[] a = swiGlu(n, blk + "ffn_gate_exps.weight", blk + "ffn_up_exps.weight", blk + "ffn_down_exps.weight", first);
        double[] b = swiGlu(n, blk + "ffn_gate_exps.weight", blk + "ffn_up_exps.weight", blk + "ffn_down_exps.weight", second);
        for (int i = 0; i < a.length; i++) {
            a[i] = weight * a[i] + (1 - weight) * b[i];
        }
        return a;
    }

    @Test
    void missingAndMisshapenPartsAreNamed() {
        byte[] unknown = new GgufWriter().put("general.architecture", "abacus").bytes();
        assertRefused(unknown, "\"abacus\", supported are [deepseek2, llama, qwen2, qwen3, qwen3moe]");
        assertRefused(new GgufWriter().put("general.name", "x").bytes(), "general.architecture: expected a string");
        assertRefused(new GgufWriter().put("general.architecture", "llama").bytes(), "llama.embedding_length");
        GgufWriter few = new GgufWriter().put("general.architecture", "llama").put("llama.block_count", 1)
                .put("llama.embedding_length", 8).put(
                        "llama.attention.head_count", 2)
                .put("llama.attention.layer_norm_rms_epsilon", 1e-5f).put("llama.context_length", 8);
        assertRefused(few.bytes(), "tensor token_embd.weight: is not in the file");
        few.tensor("token_embd.weight", QuantType.F32, List.of(4L, 4L), new byte[64]);
        assertRefused(few.bytes(), "tensor token_embd.weight: found dimensions [4, 4], expected [8, 4, 1]");
    }

    private static void assertRefused(byte[] bytes, String words) {
        try (GgufFile file = GgufFile.open("test.gguf", MemorySegment.ofArray(bytes))) {
            String message = assertThrows(GgufException.class, () -> Architecture.of(file, ArchitectureOptions.DEFAULT))
                    .getMessage();
            assertTrue(message.contains(words), message);
            assertEquals("test.gguf", message.substring(0, 9));
        }
    }
}
