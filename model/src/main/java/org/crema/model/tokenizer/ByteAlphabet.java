package org.crema.model.tokenizer;

/**
 * The alphabet of byte-level BPE: every byte as one printable character. Printable Latin-1 stands for itself; the other 68 bytes,
 * in order, are U+0100 and following. Source: {@code bytes_to_unicode} of GPT-2's tokenizer,
 * https://github.com/openai/gpt-2/blob/master/src/encoder.py
 */
final class ByteAlphabet {
    private static final char[] CHARS = new char[256];
    private static final short[] BYTES = new short[512];

    static {
        java.util.Arrays.fill(BYTES, (short) -1);
        char other = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= 0x21 && b <= 0x7E || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            CHARS[b] = printable ? (char) b : other++;
            BYTES[CHARS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** The character of a byte of 0 to 255. */
    static char character(int b) {
        return CHARS[b];
    }

    /** The byte of a character, or -1. */
    static int value(char c) {
        return c < BYTES.length ? BYTES[c] : -1;
    }

    /** The bytes that a text in this alphabet stands for, or null if it has other characters. */
    static byte[] bytes(String text) {
        byte[] bytes = new byte[text.length()];
        for (int i = 0; i < bytes.length; i++) {
            int b = value(text.charAt(i));
            if (b < 0) {
                return null;
            }
            bytes[i] = (byte) b;
        }
        return bytes;
    }

    /** Whether a byte can be in UTF-8 text. */
    static boolean inUtf8(int b) {
        return b < 0xF5 && b != 0xC0 && b != 0xC1;
    }
}
