package org.crema.model.tokenizer;

import java.util.BitSet;

/** A set of code points. Immutable. */
final class CodePointSet {
    /** White space as the regular expressions of tokenizers mean it: the property White_Space of Unicode. */
    static final CodePointSet SPACE = ranges("9-D 20 85 A0 1680 2000-200A 2028 2029 202F 205F 3000");

    /** {@code \p{L}} */
    static final CodePointSet LETTER = new CodePointSet();

    /** {@code \p{M}} */
    static final CodePointSet MARK = new CodePointSet();

    /** {@code \p{N}} */
    static final CodePointSet NUMBER = new CodePointSet();

    /** {@code \p{P}} */
    static final CodePointSet PUNCTUATION = new CodePointSet();

    /** {@code \p{S}} */
    static final CodePointSet SYMBOL = new CodePointSet();

    /** {@code [\r\n]} */
    static final CodePointSet NEWLINE = ranges("A D");

    static {
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            CodePointSet set = switch (Character.getType(c)) {
                case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER,
                        Character.MODIFIER_LETTER,
                        Character.OTHER_LETTER ->
                    LETTER;
                case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK -> MARK;
                case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
                case Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION, Character.START_PUNCTUATION,
                        Character.END_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION,
                        Character.OTHER_PUNCTUATION ->
                    PUNCTUATION;
                case Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL, Character.OTHER_SYMBOL ->
                    SYMBOL;
                default -> null;
            };
            if (set != null) {
                set.add(c);
            }
        }
    }

    private final long[] low = new long[0x10000 / 64];
    private final BitSet high = new BitSet();

    private CodePointSet() {}

    /** Code points and ranges of them in hexadecimal, with spaces between. */
    static CodePointSet ranges(String ranges) {
        CodePointSet set = new CodePointSet();
        for (String range : ranges.split("\\s+", -1)) {
            int dash = range.indexOf('-');
            int from = Integer.parseInt(dash < 0 ? range : range.substring(0, dash), 16);
            int to = dash < 0 ? from : Integer.parseInt(range.substring(dash + 1), 16);
            for (int c = from; c <= to; c++) {
                set.add(c);
            }
        }
        return set;
    }

    private void add(int c) {
        if (c < 0x10000) {
            low[c >>> 6] |= 1L << c;
        } else {
            high.set(c - 0x10000);
        }
    }

    CodePointSet or(CodePointSet other) {
        CodePointSet set = new CodePointSet();
        for (int i = 0; i < low.length; i++) {
            set.low[i] = low[i] | other.low[i];
        }
        set.high.or(high);
        set.high.or(other.high);
        return set;
    }

    boolean has(int c) {
        return c < 0x10000 ? (low[c >>> 6] >>> c & 1) != 0 : high.get(c - 0x10000);
    }

    /** Where the run of members ends that begins at a place; the place itself if there is none. */
    int run(int[] text, int at, int end) {
        int i = at;
        while (i < end && has(text[i])) {
            i++;
        }
        return i;
    }

    /** Whether there is a member at a place before the end. */
    boolean at(int[] text, int at, int end) {
        return at < end && has(text[at]);
    }
}
