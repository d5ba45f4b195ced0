package org.crema.model.tokenizer;

import java.util.Arrays;
import java.util.Comparator;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.crema.model.gguf.GgufMetadata;

/**
 * SentencePiece's BPE, as Llama 2 has it: characters are merged to the token of the highest score first; a character that is no
 * token is written in byte tokens, or as the unknown token if the vocabulary has none.
 */
final class SentencePieceTokenizer extends AbstractTokenizer {
    private static final String SPACE_PREFIX = "tokenizer.ggml.add_space_prefix";
    private static final int BYTES = 256;

    private final boolean spacePrefix;
    private final int[] byteTokens;
    private final int[] ranks;

    SentencePieceTokenizer(GgufMetadata metadata) {
        super(metadata, new Vocabulary(metadata, false), true, metadata.bool(SPACE_PREFIX).orElse(true));
        spacePrefix = metadata.bool(SPACE_PREFIX).orElse(true);
        if (!metadata.has(Vocabulary.SCORES)) {
            throw metadata.error(Vocabulary.SCORES, "is missing, expected a score for each token");
        }
        byteTokens = byteTokens(metadata, vocabulary);
        ranks = ranks(vocabulary);
    }

    /** The token of each byte, or null if there are none. */
    private static int[] byteTokens(GgufMetadata metadata, Vocabulary vocabulary) {
        int[] tokens = new int[BYTES];
        Arrays.fill(tokens, -1);
        int found = 0;
        for (int id = 0; id < vocabulary.size(); id++) {
            if (vocabulary.type(id) == Vocabulary.Type.BYTE) {
                int value = vocabulary.bytes(id)[0] & 0xFF;
                found += tokens[value] < 0 ? 1 : 0;
                tokens[value] = id;
            }
        }
        if (found == BYTES) {
            return tokens;
        }
        if (found > 0) {
            int missing = IntStream.range(0, BYTES).filter(b -> tokens[b] < 0).findFirst().orElseThrow();
            throw metadata.error(Vocabulary.TOKENS, "found %d byte tokens, but none for 0x%02X; expected all 256 or none"
                    .formatted(found, missing));
        }
        if (vocabulary.unknown().isEmpty()) {
            throw metadata.error(Vocabulary.TOKENS,
                    "found neither byte tokens nor an unknown token, expected one or the other for text that is in no token");
        }
        return null;
    }

    /** For each token how many different scores are higher. */
    private static int[] ranks(Vocabulary vocabulary) {
        int[] order = IntStream.range(0, vocabulary.size()).boxed()
                .sorted(Comparator.comparingDouble(id -> -vocabulary.score(id))).mapToInt(Integer::intValue).toArray();
        int[] ranks = new int[order.length];
        for (int i = 1; i < order.length; i++) {
            boolean same = vocabulary.score(order[i]) == vocabulary.score(order[i - 1]);
            ranks[order[i]] = same ? ranks[order[i - 1]] : ranks[order[i - 1]] + 1;
        }
        return ranks;
    }

    @Override
    Encoder encoder(String text) {
        return new PartEncoder(text);
    }

    /** Encodes parts of one text. */
    private final class PartEncoder extends Symbols implements Encoder {
        private final String all;
        private String part = "";

        PartEncoder(String all) {
            this.all = all;
        }

        @Override
        public void encode(int from, int to, boolean afterSpecial, IntList ids) {
            String text = all.substring(from, to).replace(' ', '▁');
            part = spacePrefix && afterSpecial ? "▁" + text : text;
            int length = part.length();
            reserve(length);
            for (int i = 0; i < length; i = next[i]) {
                next[i] = i + Character.charCount(part.codePointAt(i));
                token[i] = -1;
            }
            mergeAll();
            for (int i = 0; i < length; i = next[i]) {
                int id = token[i] >= 0 ? token[i] : vocabulary.table().find(part, i, next[i]);
                if (id >= 0) {
                    ids.add(id);
                } else {
                    fallBack(part.codePointAt(i), ids);
                }
            }
        }

        private void fallBack(int character, IntList ids) {
            if (byteTokens == null) {
                OptionalInt unknown = vocabulary.unknown();
                ids.add(unknown.orElseThrow());
                return;
            }
            for (byte b : Character.toString(character).getBytes(java.nio.charset.StandardCharsets.UTF_8)) {
                ids.add(byteTokens[b & 0xFF]);
            }
        }

        @Override
        int merge(int left, int right) {
            int end = next[right];
            return end - left > vocabulary.table().longest() ? -1 : vocabulary.table().find(part, left, end);
        }

        @Override
        int rank(int merge) {
            return ranks[merge];
        }

        @Override
        int result(int merge) {
            return merge;
        }
    }
}
