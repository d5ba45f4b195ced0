package org.crema.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import org.crema.model.gguf.GgufMetadata;

/** What all tokenizers share: special tokens around and in the text, and decoding. */
abstract class AbstractTokenizer implements Tokenizer {
    final Vocabulary vocabulary;
    private final SpecialTokens specialTokens;
    private final boolean addsBos;
    private final boolean addsEos;
    private final boolean spacePrefix;

    /**
     * @param addsBos whether the begin token is added if the file does not say
     * @param spacePrefix whether a space is put before texts
     */
    AbstractTokenizer(GgufMetadata metadata, Vocabulary vocabulary, boolean addsBos, boolean spacePrefix) {
        this.vocabulary = vocabulary;
        this.spacePrefix = spacePrefix;
        specialTokens = new SpecialTokens(vocabulary);
        this.addsBos = adds(metadata, Vocabulary.ADD_BOS, addsBos, vocabulary.bos(), "tokenizer.ggml.bos_token_id");
        addsEos = adds(metadata, Vocabulary.ADD_EOS, false, vocabulary.eos(), "tokenizer.ggml.eos_token_id");
    }

    private static boolean adds(GgufMetadata metadata, String key, boolean byDefault, OptionalInt token, String tokenKey) {
        Optional<Boolean> asked = metadata.bool(key);
        if (asked.orElse(false) && token.isEmpty()) {
            throw metadata.error(key, "is true, but there is no " + tokenKey + "; add that key, or set this one to false");
        }
        return asked.orElse(byDefault) && token.isPresent();
    }

    /** Encodes the parts of one text that are not special tokens. Used by one thread. */
    interface Encoder {
        void encode(int from, int to, boolean afterSpecial, IntList ids);
    }

    /** @param text without lone surrogates */
    abstract Encoder encoder(String text);

    @Override
    public final int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
        String valid = valid(text);
        IntList ids = new IntList();
        if (addSpecial && addsBos) {
            ids.add(vocabulary.bos().orElseThrow());
        }
        Encoder encoder = encoder(valid);
        specialTokens.cut(valid, parseSpecial, new SpecialTokens.Parts() {
            private boolean afterSpecial = true;

            @Override
            public void text(int from, int to) {
                encoder.encode(from, to, afterSpecial, ids);
                afterSpecial = false;
            }

            @Override
            public void token(int id) {
                ids.add(id);
                afterSpecial = true;
            }
        });
        if (addSpecial && addsEos) {
            ids.add(vocabulary.eos().orElseThrow());
        }
        return ids.toArray();
    }

    private static String valid(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                    i++;
                } else {
                    return replaceLone(text);
                }
            }
        }
        return text;
    }

    private static String replaceLone(String text) {
        StringBuilder valid = new StringBuilder(text.length());
        text.codePoints().forEach(c -> valid.appendCodePoint(c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c));
        return valid.toString();
    }

    @Override
    public final String decode(int[] ids, boolean special) {
        long length = 0;
        for (int id : ids) {
            if (vocabulary.shown(id, special)) {
                length += vocabulary.length(id);
            }
        }
        byte[] bytes = new byte[Math.toIntExact(length)];
        int at = 0;
        int start = 0;
        boolean first = spacePrefix;
        for (int id : ids) {
            if (vocabulary.shown(id, special)) {
                vocabulary.copy(id, bytes, at);
                if (first && !vocabulary.type(id).hidden()) {
                    first = false;
                    if (vocabulary.length(id) > 0 && bytes[at] == ' ') {
                        // Bytes of control tokens before this one move up over the space.
                        System.arraycopy(bytes, 0, bytes, 1, at);
                        start = 1;
                    }
                }
                at += vocabulary.length(id);
            }
        }
        return new String(bytes, start, at - start, StandardCharsets.UTF_8);
    }

    @Override
    public final byte[] bytes(int id) {
        return vocabulary.bytes(id);
    }

    @Override
    public final TextDecoder decoder(boolean special) {
        return new TextDecoder(vocabulary, special);
    }

    @Override
    public final boolean isEndOfGeneration(int id) {
        return vocabulary.isEnd(id);
    }

    @Override
    public final OptionalInt bos() {
        return vocabulary.bos();
    }

    @Override
    public final OptionalInt eos() {
        return vocabulary.eos();
    }

    @Override
    public final boolean addsBos() {
        return addsBos;
    }

    @Override
    public final OptionalInt fimPrefix() {
        return vocabulary.fimPrefix();
    }

    @Override
    public final OptionalInt fimSuffix() {
        return vocabulary.fimSuffix();
    }

    @Override
    public final OptionalInt fimMiddle() {
        return vocabulary.fimMiddle();
    }

    @Override
    public final int size() {
        return vocabulary.size();
    }

    @Override
    public final String piece(int id) {
        return vocabulary.text(id);
    }

    @Override
    public final OptionalInt find(String text) {
        return vocabulary.find(text);
    }
}
