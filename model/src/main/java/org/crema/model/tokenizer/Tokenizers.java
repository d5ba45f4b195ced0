package org.crema.model.tokenizer;

import org.crema.model.gguf.GgufMetadata;

/** Chooses the tokenizer. */
final class Tokenizers {
    private Tokenizers() {}

    static Tokenizer of(GgufMetadata metadata) {
        String model = metadata.requireString(Vocabulary.MODEL);
        return switch (model) {
            case "gpt2" -> new BytePairTokenizer(metadata);
            case "llama" -> new SentencePieceTokenizer(metadata);
            default -> throw metadata.error(Vocabulary.MODEL, "found the tokenizer model \"" + model
                    + "\", supported are gpt2 (byte-level BPE) and llama (SentencePiece)");
        };
    }
}
