package org.crema.model.tokenizer;

import java.util.List;
import java.util.OptionalInt;
import org.crema.model.gguf.GgufMetadata;

/** Byte-level byte pair encoding: the bytes of each word are merged by a list of merges, the earliest in the list first. */
final class BytePairTokenizer extends AbstractTokenizer {
    private static final String PRE = "tokenizer.ggml.pre";
    private static final String MERGES = "tokenizer.ggml.merges";

    private final PreTokenizer pre;
    private final List<Split> splits;
    private final int[] byteTokens;
    private final Merges merges;

    BytePairTokenizer(GgufMetadata metadata) {
        this(metadata, pre(metadata));
    }

    private BytePairTokenizer(GgufMetadata metadata, PreTokenizer pre) {
        super(metadata, new Vocabulary(metadata, true), pre.addsBos(), false);
        this.pre = pre;
        splits = pre.splits();
        byteTokens = byteTokens(metadata, vocabulary);
        merges = merges(metadata, vocabulary);
    }

    private static PreTokenizer pre(GgufMetadata metadata) {
        String name = metadata.string(PRE).orElseThrow(() -> metadata.error(PRE,
                "is missing, so it is unknown how to cut text into words; convert the model anew, or add the key with one of: "
                        + PreTokenizer.supported()));
        return PreTokenizer.named(name).orElseThrow(() -> metadata.error(PRE,
                "found the pre-tokenizer \"" + name + "\", supported are: " + PreTokenizer.supported()));
    }

    private static int[] byteTokens(GgufMetadata metadata, Vocabulary vocabulary) {
        int[] tokens = new int[256];
        for (int b = 0; b < 256; b++) {
            tokens[b] = vocabulary.find(String.valueOf(ByteAlphabet.character(b))).orElse(-1);
            if (tokens[b] < 0 && ByteAlphabet.inUtf8(b)) {
                throw metadata.error(Vocabulary.TOKENS, "found no token \"%c\" for the byte 0x%02X, expected one for each byte"
                        .formatted(ByteAlphabet.character(b), b));
            }
        }
        return tokens;
    }

    private static Merges merges(GgufMetadata metadata, Vocabulary vocabulary) {
        String[] lines = metadata.requireStrings(MERGES);
        TokenTable table = vocabulary.table();
        Merges merges = new Merges(lines.length);
        for (int rank = 0; rank < lines.length; rank++) {
            String line = lines[rank];
            // A token is never empty, but it may be a space in a vocabulary of another alphabet.
            int space = line.indexOf(' ', 1);
            if (space < 0 || space == line.length() - 1) {
                throw metadata.error(MERGES,
                        "found \"" + line + "\" as merge " + rank + ", expected two tokens with a space between");
            }
            merges.add(known(metadata, table.find(line, 0, space), rank, line), known(metadata, table.find(line, space + 1, line
                    .length()), rank, line), known(metadata, table.findWithout(line, 0, line.length(), space), rank, line));
        }
        return merges;
    }

    private static int known(GgufMetadata metadata, int id, int rank, String line) {
        if (id < 0) {
            throw metadata.error(MERGES, "found \"" + line + "\" as merge " + rank
                    + ", expected both parts and the whole to be tokens");
        }
        return id;
    }

    @Override
    Encoder encoder(String text) {
        return new WordEncoder(text);
    }

    /** Encodes parts of one text. The arrays are used again for the next word. */
    private final class WordEncoder extends Symbols implements Encoder {
        private final String all;
        private byte[] bytes = new byte[64];

        WordEncoder(String all) {
            this.all = all;
        }

        @Override
        public void encode(int from, int to, boolean afterSpecial, IntList ids) {
            int[] text = new int[to - from];
            int count = 0;
            for (int i = from; i < to; count++) {
                int c = all.codePointAt(i);
                text[count] = c;
                i += Character.charCount(c);
            }
            split(text, 0, count, 0, ids);
        }

        /** Cuts a range by a split, what comes of it by the next one, and encodes what comes of the last. */
        private void split(int[] text, int from, int to, int level, IntList ids) {
            if (from == to) {
                return;
            }
            if (level == splits.size()) {
                word(text, from, to, ids);
                return;
            }
            Split split = splits.get(level);
            int begun = from;
            int at = from;
            while (at < to) {
                int end = split.match(text, at, to);
                if (end < 0) {
                    at = ~end;
                } else {
                    split(text, begun, at, level + 1, ids);
                    split(text, at, end, level + 1, ids);
                    begun = end;
                    at = end;
                }
            }
            split(text, begun, to, level + 1, ids);
        }

        private void word(int[] text, int from, int to, IntList ids) {
            int length = utf8(text, from, to);
            if (length == 1) {
                ids.add(byteTokens[bytes[0] & 0xFF]);
                return;
            }
            if (pre.wholeWords() && length <= vocabulary.table().longest()) {
                OptionalInt whole = vocabulary.find(alphabet(length));
                if (whole.isPresent()) {
                    ids.add(whole.getAsInt());
                    return;
                }
            }
            reserve(length);
            for (int i = 0; i < length; i++) {
                token[i] = byteTokens[bytes[i] & 0xFF];
                next[i] = i + 1;
            }
            mergeAll();
            for (int i = 0; i < length; i = next[i]) {
                ids.add(token[i]);
            }
        }

        private int utf8(int[] text, int from, int to) {
            int most = Math.multiplyExact(to - from, 4);
            if (bytes.length < most) {
                bytes = new byte[most];
            }
            int n = 0;
            for (int i = from; i < to; i++) {
                int c = text[i];
                if (c < 0x80) {
                    bytes[n++] = (byte) c;
                } else if (c < 0x800) {
                    bytes[n++] = (byte) (0xC0 | c >> 6);
                    bytes[n++] = (byte) (0x80 | c & 0x3F);
                } else if (c < 0x10000) {
                    bytes[n++] = (byte) (0xE0 | c >> 12);
                    bytes[n++] = (byte) (0x80 | c >> 6 & 0x3F);
                    bytes[n++] = (byte) (0x80 | c & 0x3F);
                } else {
                    bytes[n++] = (byte) (0xF0 | c >> 18);
                    bytes[n++] = (byte) (0x80 | c >> 12 & 0x3F);
                    bytes[n++] = (byte) (0x80 | c >> 6 & 0x3F);
                    bytes[n++] = (byte) (0x80 | c & 0x3F);
                }
            }
            return n;
        }

        private String alphabet(int length) {
            char[] chars = new char[length];
            for (int i = 0; i < length; i++) {
                chars[i] = ByteAlphabet.character(bytes[i] & 0xFF);
            }
            return new String(chars);
        }

        @Override
        int merge(int left, int right) {
            return merges.rank(token[left], token[right]);
        }

        @Override
        int rank(int merge) {
            return merge;
        }

        @Override
        int result(int merge) {
            return merges.result(merge);
        }
    }
}
