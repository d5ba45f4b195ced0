package org.crema.model.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Turns a stream of tokens into text, token by token. A character whose bytes are spread over several tokens comes with the last
 * of them. Bytes that can no longer become UTF-8 come as U+FFFD. All parts together are the decoding of all bytes together.
 *
 * <p>Not thread-safe.
 */
public final class TextDecoder {
    private final Vocabulary vocabulary;
    private final boolean special;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private byte[] pending = new byte[0];

    TextDecoder(Vocabulary vocabulary, boolean special) {
        this.vocabulary = vocabulary;
        this.special = special;
    }

    /**
     * The text that is certain now that this token came; often one word, sometimes nothing.
     *
     * @throws IllegalArgumentException if the id is out of range
     */
    public String next(int id) {
        if (!vocabulary.shown(id, special)) {
            return "";
        }
        byte[] more = vocabulary.bytes(id);
        byte[] bytes = Arrays.copyOf(pending, pending.length + more.length);
        System.arraycopy(more, 0, bytes, pending.length, more.length);
        return decode(bytes, false);
    }

    /** What is left at the end of the stream: U+FFFD if a character is unfinished. The decoder can be used anew afterwards. */
    public String flush() {
        return decode(pending, true);
    }

    private String decode(byte[] bytes, boolean end) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length + 1);
        decoder.reset();
        CoderResult result = decoder.decode(in, out, end);
        if (!result.isUnderflow()) {
            throw new IllegalStateException("UTF-8 has at most one char for each byte, yet the decoder says " + result);
        }
        pending = Arrays.copyOfRange(bytes, in.position(), bytes.length);
        return out.flip().toString();
    }
}
