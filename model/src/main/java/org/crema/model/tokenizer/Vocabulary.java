package org.crema.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.crema.model.gguf.GgufMetadata;

/**
 * The tokens of a file: texts, types, scores, and the ids with a meaning. Immutable.
 *
 * <p>Keys and types: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The names by which tokens without a key are found
 * are those that llama.cpp knows (src/llama-vocab.cpp).
 */
final class Vocabulary {
    static final String MODEL = "tokenizer.ggml.model";
    static final String TOKENS = "tokenizer.ggml.tokens";
    static final String TYPES = "tokenizer.ggml.token_type";
    static final String SCORES = "tokenizer.ggml.scores";
    static final String ADD_BOS = "tokenizer.ggml.add_bos_token";
    static final String ADD_EOS = "tokenizer.ggml.add_eos_token";

    private static final List<String> FIM_PREFIX = List.of("<｜fim▁begin｜>", "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",
            "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>");
    private static final List<String> FIM_SUFFIX = List.of("<｜fim▁hole｜>", "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>",
            "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>");
    private static final List<String> FIM_MIDDLE = List.of("<｜fim▁end｜>", "<|fim_middle|>", "<fim-middle>", "<fim_middle>",
            "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>");
    private static final List<String> END = List.of("<｜end▁of▁sentence｜>", "<|eot_id|>", "<|im_end|>", "<|end|>",
            "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "</s>",
            "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<|file_sep|>");

    /** What a token is for. */
    enum Type {
        NORMAL,
        UNKNOWN,
        CONTROL,
        USER_DEFINED,
        UNUSED,
        BYTE;

        /** Shown only when special tokens are asked for. */
        boolean hidden() {
            return this == UNKNOWN || this == CONTROL || this == UNUSED;
        }
    }

    private final String[] texts;
    private final Type[] types;
    private final float[] scores;
    private final TokenTable table;
    private final byte[] pool;
    private final int[] offsets;
    private final BitSet end = new BitSet();
    private final OptionalInt bos;
    private final OptionalInt eos;
    private final OptionalInt unknown;
    private final OptionalInt fimPrefix;
    private final OptionalInt fimSuffix;
    private final OptionalInt fimMiddle;

    /**
     * @param byteLevel whether normal tokens are written in the {@link ByteAlphabet}; otherwise U+2581 stands for a space and byte
     *        tokens are written {@code <0x0A>}
     */
    Vocabulary(GgufMetadata metadata, boolean byteLevel) {
        texts = metadata.requireStrings(TOKENS);
        if (texts.length == 0) {
            throw metadata.error(TOKENS, "found no token, expected at least one");
        }
        table = new TokenTable(texts);
        for (int i = 0; i < texts.length; i++) {
            int before = table.add(i);
            if (before >= 0) {
                throw metadata.error(TOKENS, "found \"" + texts[i] + "\" as token " + before + " and as token " + i
                        + ", expected each text once");
            }
        }
        types = types(metadata, texts.length);
        scores = scores(metadata, texts.length);
        bos = id(metadata, "tokenizer.ggml.bos_token_id");
        eos = id(metadata, "tokenizer.ggml.eos_token_id");
        unknown = first(id(metadata, "tokenizer.ggml.unknown_token_id"), typed(Type.UNKNOWN));
        fimPrefix = role(metadata, FIM_PREFIX, "tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id");
        fimSuffix = role(metadata, FIM_SUFFIX, "tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id");
        fimMiddle = role(metadata, FIM_MIDDLE, "tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id");
        eos.ifPresent(end::set);
        id(metadata, "tokenizer.ggml.eot_token_id").ifPresent(end::set);
        id(metadata, "tokenizer.ggml.eom_token_id").ifPresent(end::set);
        for (String name : END) {
            find(name).ifPresent(id -> {
                types[id] = Type.CONTROL;
                end.set(id);
            });
        }
        offsets = new int[texts.length + 1];
        pool = pool(metadata, byteLevel);
    }

    private static Type[] types(GgufMetadata metadata, int count) {
        Type[] types = new Type[count];
        Arrays.fill(types, Type.NORMAL);
        long[] values = metadata.integers(TYPES).orElse(null);
        if (values == null) {
            return types;
        }
        checkLength(metadata, TYPES, values.length, count);
        Type[] known = Type.values();
        for (int i = 0; i < count; i++) {
            if (values[i] < 0 || values[i] > known.length) {
                throw metadata.error(TYPES, "found type " + values[i] + " of token " + i + ", expected 1 to " + known.length);
            }
            types[i] = values[i] == 0 ? Type.NORMAL : known[(int) values[i] - 1];
        }
        return types;
    }

    private static float[] scores(GgufMetadata metadata, int count) {
        float[] values = metadata.floats(SCORES).orElse(null);
        if (values == null) {
            return new float[count];
        }
        checkLength(metadata, SCORES, values.length, count);
        for (int i = 0; i < count; i++) {
            if (Float.isNaN(values[i])) {
                throw metadata.error(SCORES, "found NaN as the score of token " + i + ", expected a number");
            }
        }
        return values;
    }

    private static void checkLength(GgufMetadata metadata, String key, int found, int expected) {
        if (found != expected) {
            throw metadata.error(key, "found " + found + " values for " + expected + " tokens, expected one for each");
        }
    }

    /** The id under a key; -1 (in 32 bits) means none. */
    private OptionalInt id(GgufMetadata metadata, String key) {
        OptionalLong value = metadata.integer(key);
        if (value.isEmpty() || value.getAsLong() == -1 || value.getAsLong() == 0xFFFF_FFFFL) {
            return OptionalInt.empty();
        }
        if (value.getAsLong() < 0 || value.getAsLong() >= texts.length) {
            throw metadata.error(key, "found " + value.getAsLong() + ", expected a token id of 0 to " + (texts.length - 1));
        }
        return OptionalInt.of((int) value.getAsLong());
    }

    private static OptionalInt first(OptionalInt a, OptionalInt b) {
        return a.isPresent() ? a : b;
    }

    private OptionalInt typed(Type type) {
        int i = Arrays.asList(types).indexOf(type);
        return i < 0 ? OptionalInt.empty() : OptionalInt.of(i);
    }

    /** A token by its keys or else by its name; one that is found by name is a control token, whatever the file says. */
    private OptionalInt role(GgufMetadata metadata, List<String> names, String... keys) {
        for (String key : keys) {
            OptionalInt id = id(metadata, key);
            if (id.isPresent()) {
                return id;
            }
        }
        for (String name : names) {
            OptionalInt id = find(name);
            if (id.isPresent()) {
                types[id.getAsInt()] = Type.CONTROL;
                return id;
            }
        }
        return OptionalInt.empty();
    }

    /** The bytes of all tokens, one after the other. */
    private byte[] pool(GgufMetadata metadata, boolean byteLevel) {
        byte[] all = new byte[texts.length * 8];
        int at = 0;
        for (int i = 0; i < texts.length; i++) {
            byte[] bytes = byteLevel ? byteLevel(i) : plain(metadata, i);
            if (at + bytes.length > all.length) {
                all = Arrays.copyOf(all, Math.max(at + bytes.length, Math.multiplyExact(all.length, 2)));
            }
            System.arraycopy(bytes, 0, all, at, bytes.length);
            at += bytes.length;
            offsets[i + 1] = at;
        }
        return Arrays.copyOf(all, at);
    }

    private byte[] byteLevel(int id) {
        if (types[id] == Type.NORMAL) {
            byte[] bytes = ByteAlphabet.bytes(texts[id]);
            if (bytes != null) {
                return bytes;
            }
            // An added token that the file calls normal: it stands for its own text.
        }
        return texts[id].getBytes(StandardCharsets.UTF_8);
    }

    private byte[] plain(GgufMetadata metadata, int id) {
        String text = texts[id];
        return switch (types[id]) {
            case BYTE -> new byte[] {(byte) byteValue(metadata, id)};
            case NORMAL -> text.replace('▁', ' ').getBytes(StandardCharsets.UTF_8);
            default -> text.getBytes(StandardCharsets.UTF_8);
        };
    }

    /** The byte of a byte token. */
    private int byteValue(GgufMetadata metadata, int id) {
        String text = texts[id];
        if (text.length() == 6 && text.startsWith("<0x") && text.endsWith(">")) {
            int high = hex(text.charAt(3));
            int low = hex(text.charAt(4));
            if (high >= 0 && low >= 0) {
                return high * 16 + low;
            }
        }
        throw metadata.error(TOKENS, "found the byte token \"" + text + "\" (" + id + "), expected <0x00> to <0xFF>");
    }

    private static int hex(char c) {
        return c < 128 ? Character.digit(c, 16) : -1;
    }

    int size() {
        return texts.length;
    }

    private void check(int id) {
        if (id < 0 || id >= texts.length) {
            throw new IllegalArgumentException("found token id " + id + ", expected 0 to " + (texts.length - 1));
        }
    }

    String text(int id) {
        check(id);
        return texts[id];
    }

    Type type(int id) {
        check(id);
        return types[id];
    }

    float score(int id) {
        return scores[id];
    }

    /** Whether decoding shows a token. */
    boolean shown(int id, boolean special) {
        check(id);
        return special || !types[id].hidden();
    }

    byte[] bytes(int id) {
        check(id);
        return Arrays.copyOfRange(pool, offsets[id], offsets[id + 1]);
    }

    /** Number of bytes of a token. */
    int length(int id) {
        return offsets[id + 1] - offsets[id];
    }

    /** Copies the bytes of a token. */
    void copy(int id, byte[] to, int at) {
        System.arraycopy(pool, offsets[id], to, at, length(id));
    }

    OptionalInt find(String text) {
        int id = table.find(text, 0, text.length());
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    TokenTable table() {
        return table;
    }

    boolean isEnd(int id) {
        check(id);
        return end.get(id);
    }

    OptionalInt bos() {
        return bos;
    }

    OptionalInt eos() {
        return eos;
    }

    OptionalInt unknown() {
        return unknown;
    }

    OptionalInt fimPrefix() {
        return fimPrefix;
    }

    OptionalInt fimSuffix() {
        return fimSuffix;
    }

    OptionalInt fimMiddle() {
        return fimMiddle;
    }
}
