package org.crema.model.tokenizer;

import java.util.OptionalInt;
import org.crema.model.gguf.GgufException;
import org.crema.model.gguf.GgufMetadata;

/**
 * Turns text into token ids and back, as the vocabulary of a file says. Ids count from 0 to {@link #size} - 1.
 *
 * <p>Immutable and thread-safe; it stays usable after the file was closed. Only a {@link TextDecoder} belongs to one thread at a
 * time.
 */
public interface Tokenizer {
    /**
     * The tokenizer that the metadata of a file describes, in its keys {@code tokenizer.ggml.*}: byte-level BPE (model
     * {@code gpt2}) with the pre-tokenizers that {@link PreTokenizer} lists, or SentencePiece (model {@code llama}).
     *
     * @throws GgufException if the model or the pre-tokenizer is unknown, or the vocabulary contradicts itself
     */
    static Tokenizer of(GgufMetadata metadata) {
        return Tokenizers.of(metadata);
    }

    /**
     * The ids of a text. A lone surrogate counts as U+FFFD.
     *
     * @param text any length
     * @param addSpecial whether the begin and end tokens are added, where the vocabulary asks for them; also when the text has them
     *        already
     * @param parseSpecial whether control tokens in the text are recognised. If not, they are text like any other. User-defined
     *        tokens are recognised either way
     */
    int[] encode(String text, boolean addSpecial, boolean parseSpecial);

    /**
     * The text of ids, the inverse of {@link #encode}: if the vocabulary puts a space before each text, the first one is left out
     * here. Bytes that are not UTF-8 become U+FFFD.
     *
     * @param special whether control tokens are shown, by their name
     * @throws IllegalArgumentException if an id is out of range
     */
    String decode(int[] ids, boolean special);

    /**
     * What a token adds to a text, in UTF-8; possibly only a part of a character. Of a control token its name. Not to be confused
     * with {@link #piece}.
     *
     * @throws IllegalArgumentException if the id is out of range
     */
    byte[] bytes(int id);

    /**
     * A decoder for one stream of tokens that follows other text: leading spaces stay, unlike in {@link #decode}.
     *
     * @param special whether control tokens are shown, by their name
     */
    TextDecoder decoder(boolean special);

    /**
     * Whether a token ends the answer: end of text, of turn, or of message, by the file's keys and by well-known names.
     *
     * @throws IllegalArgumentException if the id is out of range
     */
    boolean isEndOfGeneration(int id);

    /** The begin token. */
    OptionalInt bos();

    /** The end token. */
    OptionalInt eos();

    /** Whether {@link #encode} puts the begin token first if special tokens are asked for. */
    boolean addsBos();

    /** The token before the text that stands before a gap to be filled, if the vocabulary has one. */
    OptionalInt fimPrefix();

    /** The token before the text that stands after a gap to be filled, if the vocabulary has one. DeepSeek calls it "hole". */
    OptionalInt fimSuffix();

    /** The token after which the model fills the gap, if the vocabulary has one. DeepSeek calls it "end". */
    OptionalInt fimMiddle();

    /** Number of tokens. */
    int size();

    /**
     * A token as the vocabulary writes it: {@code Ġthe} or {@code ▁the} where {@link #bytes} has " the".
     *
     * @throws IllegalArgumentException if the id is out of range
     */
    String piece(int id);

    /** The token that the vocabulary writes so, the inverse of {@link #piece}. */
    OptionalInt find(String text);
}
