package org.crema.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.crema.kernels.conformance.RandomBlocks;
import org.crema.kernels.quant.QuantType;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufTensor;
import org.crema.model.gguf.GgufWriter;

/**
 * A few layers with the shapes of a large model, so that its speed can be judged without its file: a GGUF file in memory, whose
 * tensors are random blocks, read by the usual architecture. The vocabulary is small, since a real one would outweigh so few layers.
 * Shapes: the published configurations of DeepSeek-Coder-V2 (arXiv 2406.11931) and its GGUF files.
 */
public enum Synthetic {
    /** The dense first layer and one layer of experts. */
    LITE("synthetic-lite", "16B", 27, new Layers(2048, 16, 0, 1, 10944, 1, 64, 6, 1408, 1f)),
    /** One layer of experts. */
    FULL("synthetic-236b", "236B", 60, new Layers(5120, 128, 1536, 0, 12288, 1, 160, 6, 1536, 16f));

    private static final int VOCABULARY = 1024;
    private static final int LATENT = 512;
    private static final int NOPE = 128;
    private static final int ROPE = 64;
    private static final int VALUE = 128;
    private static final int SHARED = 2;

    private final String id;
    private final String size;
    private final int modelLayers;
    @SuppressWarnings("ImmutableEnumChecker") // a record of numbers
    private final Layers shape;

    /**
     * @param queryRank columns between the two query projections; 0 for a single projection
     * @param dense layers with a plain feed-forward, which come first
     * @param mixtures layers of experts
     */
    private record Layers(int embedding, int heads, int queryRank, int dense, int denseWidth, int mixtures, int experts, int used,
            int expertWidth, float expertScale) {
        int count() {
            return dense + mixtures;
        }
    }

    Synthetic(String id, String size, int modelLayers, Layers shape) {
        this.id = id;
        this.size = size;
        this.modelLayers = modelLayers;
        this.shape = shape;
    }

    /** As given to {@code -m}. */
    public String id() {
        return id;
    }

    /** Layers with matrices of one type. */
    public record Typed(Synthetic layers, QuantType type) implements Runner.Source {
        @Override
        public Subject open() {
            return layers.open(type);
        }

        /**
         * Writes them to a GGUF file without a tokenizer, for other programs to be measured with; what was there is lost.
         *
         * @throws IOException if it cannot be written
         */
        public void write(Path file) throws IOException {
            layers.write(type, file);
        }
    }

    /**
     * What is meant by a name like {@code synthetic-lite} or {@code synthetic-lite:IQ2_XS}; nothing if it is no such name.
     *
     * @throws IllegalArgumentException if the type is unknown
     */
    public static Optional<Typed> parse(String name) {
        String[] parts = name.split(":", 2);
        for (Synthetic each : values()) {
            if (each.id.equals(parts[0])) {
                return Optional.of(new Typed(each, parts.length == 1 ? QuantType.Q4_K : type(parts[1])));
            }
        }
        return Optional.empty();
    }

    private static QuantType type(String name) {
        return Arrays.stream(QuantType.values()).filter(t -> t.name().equalsIgnoreCase(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no tensor type \"" + name + "\"; there are " + Arrays.toString(
                        QuantType.values())));
    }

    /** Bytes that its tensors take with the default type. */
    public long bytes() {
        long bytes = 0;
        for (Tensor tensor : tensors(QuantType.Q4_K)) {
            bytes += tensor.blocks() * tensor.type().blockBytes();
        }
        return bytes;
    }

    /** Makes the layers, with matrices of this type. */
    public Subject open(QuantType type) {
        byte[] header = header(type);
        Arena arena = Arena.ofShared();
        try {
            GgufFile gguf = fill(arena.allocate(header.length + dataBytes(type), 64), header);
            String note = String.format(Locale.ROOT, "%d dense and %d expert layers of %d, random blocks, vocabulary of %d", shape
                    .dense(), shape.mixtures(), modelLayers, VOCABULARY);
            return Subject.of(id + ":" + type, note, gguf, () -> {
                gguf.close();
                arena.close();
            });
        } catch (RuntimeException | OutOfMemoryError e) {
            arena.close();
            throw e;
        }
    }

    private void write(QuantType type, Path file) throws IOException {
        byte[] header = header(type);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.READ, StandardOpenOption.WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, header.length + dataBytes(type), arena);
            fill(memory, header).close();
            memory.force();
        }
    }

    private byte[] header(QuantType type) {
        GgufWriter writer = metadata(type);
        tensors(type).forEach(tensor -> writer.tensor(tensor.name(), tensor.type(), tensor.dims(), null));
        return writer.header();
    }

    private long dataBytes(QuantType type) {
        long end = 0;
        for (Tensor tensor : tensors(type)) {
            // The writer aligns tensors to 32 bytes.
            end = (end + tensor.blocks() * tensor.type().blockBytes() + 31) / 32 * 32;
        }
        return end;
    }

    private GgufFile fill(MemorySegment memory, byte[] header) {
        memory.copyFrom(MemorySegment.ofArray(header));
        GgufFile gguf = GgufFile.open(id, memory);
        for (GgufTensor tensor : gguf.tensors()) {
            fill(tensor, memory.asSlice(tensor.data().address() - memory.address(), tensor.bytes()));
        }
        return gguf;
    }

    private GgufWriter metadata(QuantType type) {
        String p = "deepseek2.";
        GgufWriter writer = new GgufWriter().put("general.architecture", "deepseek2").put("general.name", id + " " + type)
                .put("general.size_label", size + " (" + shape.count() + " of " + modelLayers + " layers)")
                .put("tokenizer.ggml.model", "no_vocab").put(p + "vocab_size", VOCABULARY)
                .put(p + "block_count", shape.count()).put(p + "context_length", 163840).put(p + "embedding_length",
                        shape.embedding())
                .put(p + "feed_forward_length", shape.denseWidth()).put(p + "leading_dense_block_count", shape.dense())
                .put(p + "attention.head_count", shape.heads()).put(p + "attention.layer_norm_rms_epsilon", 1e-6f)
                .put(p + "attention.kv_lora_rank", LATENT).put(p + "attention.key_length", NOPE + ROPE)
                .put(p + "attention.value_length", VALUE).put(p + "rope.dimension_count", ROPE).put(p + "rope.freq_base", 10000f)
                .put(p + "rope.scaling.type", "yarn").put(p + "rope.scaling.factor", 40f)
                .put(p + "rope.scaling.original_context_length", 4096).put(p + "rope.scaling.yarn_log_multiplier", 0.0707f)
                .put(p + "expert_count", shape.experts()).put(p + "expert_used_count", shape.used())
                .put(p + "expert_feed_forward_length", shape.expertWidth()).put(p + "expert_shared_count", SHARED)
                .put(p + "expert_weights_scale", shape.expertScale());
        return shape.queryRank() > 0 ? writer.put(p + "attention.q_lora_rank", shape.queryRank()) : writer;
    }

    /** A tensor of the file; dimensions in GGUF order. */
    private record Tensor(String name, QuantType type, List<Long> dims) {
        long blocks() {
            return dims.stream().reduce(1L, Math::multiplyExact) / type.blockSize();
        }
    }

    private List<Tensor> tensors(QuantType type) {
        List<Tensor> all = new ArrayList<>();
        long d = shape.embedding();
        matrix(all, "token_embd.weight", type, d, VOCABULARY);
        for (int layer = 0; layer < shape.count(); layer++) {
            String blk = "blk." + layer + ".";
            long heads = shape.heads();
            vector(all, blk + "attn_norm.weight", d);
            if (shape.queryRank() > 0) {
                matrix(all, blk + "attn_q_a.weight", type, d, shape.queryRank());
                vector(all, blk + "attn_q_a_norm.weight", shape.queryRank());
                matrix(all, blk + "attn_q_b.weight", type, shape.queryRank(), heads * (NOPE + ROPE));
            } else {
                matrix(all, blk + "attn_q.weight", type, d, heads * (NOPE + ROPE));
            }
            matrix(all, blk + "attn_kv_a_mqa.weight", type, d, LATENT + ROPE);
            vector(all, blk + "attn_kv_a_norm.weight", LATENT);
            matrix(all, blk + "attn_kv_b.weight", type, LATENT, heads * (NOPE + VALUE));
            matrix(all, blk + "attn_output.weight", type, heads * VALUE, d);
            vector(all, blk + "ffn_norm.weight", d);
            if (layer < shape.dense()) {
                feedForward(all, blk, "", type, shape.denseWidth());
            } else {
                matrix(all, blk + "ffn_gate_inp.weight", QuantType.F32, d, shape.experts());
                feedForward(all, blk, "_exps", type, shape.expertWidth(), shape.experts());
                feedForward(all, blk, "_shexp", type, SHARED * shape.expertWidth());
            }
        }
        vector(all, "output_norm.weight", d);
        matrix(all, "output.weight", type, d, VOCABULARY);
        return all;
    }

    private void feedForward(List<Tensor> all, String blk, String suffix, QuantType type, long width, long... count) {
        long d = shape.embedding();
        for (String name : List.of("gate", "up")) {
            matrix(all, blk + "ffn_" + name + suffix + ".weight", type, d, width, count);
        }
        matrix(all, blk + "ffn_down" + suffix + ".weight", type, width, d, count);
    }

    private static void vector(List<Tensor> all, String name, long columns) {
        all.add(new Tensor(name, QuantType.F32, List.of(columns)));
    }

    private static void matrix(List<Tensor> all, String name, QuantType type, long columns, long rows, long... count) {
        List<Long> dims = new ArrayList<>(List.of(columns, rows));
        Arrays.stream(count).forEach(dims::add);
        all.add(new Tensor(name, columns % type.blockSize() == 0 ? type : smallerBlocks(type), dims));
    }

    /** What llama.cpp's quantiser takes where a row is no multiple of 256. */
    private static QuantType smallerBlocks(QuantType type) {
        return switch (type) {
            case Q4_K -> QuantType.Q5_0;
            case Q5_K -> QuantType.Q5_1;
            case Q6_K, Q8_K -> QuantType.Q8_0;
            case TQ1_0, TQ2_0, Q1_0, Q2_0 -> QuantType.Q4_0;
            default -> QuantType.IQ4_NL;
        };
    }

    private static void fill(GgufTensor tensor, MemorySegment data) {
        if (tensor.dims().size() == 1) {
            for (long i = 0; i < tensor.elements(); i++) {
                data.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
            }
            return;
        }
        QuantType type = tensor.type();
        double std = 1 / Math.sqrt(tensor.dims().getFirst());
        RandomBlocks.fillLarge(type, data, 0, data.byteSize() / type.blockBytes(), std,
                new SplittableRandom(tensor.name().hashCode()));
    }
}
