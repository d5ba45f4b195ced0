package org.crema.model.tokenizer;

/**
 * A way to find the words of a text: a regular expression, as a scanner that needs no stack and no more time than the text is
 * long. What lies between two matches is a word too. A scanner sees only the range it is given.
 */
@FunctionalInterface
interface Split {
    /**
     * Matches at a place.
     *
     * @param text code points
     * @param at the place, less than {@code end}
     * @return where the match ends, more than {@code at}; or, if there is no match here, {@code ~n} with {@code n > at} the next
     *         place where there can be one
     */
    int match(int[] text, int at, int end);

    /** {@code [set]} */
    static Split each(CodePointSet set) {
        return (text, at, end) -> set.has(text[at]) ? at + 1 : ~(at + 1);
    }

    /** {@code [set]+} */
    static Split runs(CodePointSet set) {
        return (text, at, end) -> set.has(text[at]) ? set.run(text, at, end) : ~(at + 1);
    }

    /** <code>[set]{1,most}</code> */
    static Split runs(CodePointSet set, int most) {
        return (text, at, end) -> set.has(text[at]) ? set.run(text, at, Math.min(at + most, end)) : ~(at + 1);
    }

    /** {@code \s?[set]+} */
    static Split wordsAfterSpace(CodePointSet set) {
        return (text, at, end) -> {
            if (CodePointSet.SPACE.has(text[at]) && set.at(text, at + 1, end)) {
                return set.run(text, at + 1, end);
            }
            return set.has(text[at]) ? set.run(text, at, end) : ~(at + 1);
        };
    }

    /** {@code \s+$} */
    static Split spaceAtEnd() {
        return (text, at, end) -> {
            int run = CodePointSet.SPACE.run(text, at, end);
            return run == end ? run : ~Math.max(run, at + 1);
        };
    }

    /** {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+} */
    static Split gpt2() {
        CodePointSet word = CodePointSet.LETTER.or(CodePointSet.NUMBER).or(CodePointSet.SPACE);
        return (text, at, end) -> {
            int contraction = contraction(text, at, end, false);
            if (contraction > 0) {
                return contraction;
            }
            int start = text[at] == ' ' && at + 1 < end ? at + 1 : at;
            if (CodePointSet.SPACE.has(text[start])) {
                return space(text, at, end);
            }
            if (CodePointSet.LETTER.has(text[start])) {
                return CodePointSet.LETTER.run(text, start, end);
            }
            if (CodePointSet.NUMBER.has(text[start])) {
                return CodePointSet.NUMBER.run(text, start, end);
            }
            return runOfOthers(word, text, start, end);
        };
    }

    /**
     * <code>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
     * </code>
     */
    static Split llama3(int digits) {
        CodePointSet word = CodePointSet.LETTER.or(CodePointSet.NUMBER).or(CodePointSet.SPACE);
        return (text, at, end) -> {
            int contraction = contraction(text, at, end, true);
            if (contraction > 0) {
                return contraction;
            }
            int c = text[at];
            if (CodePointSet.LETTER.has(c)) {
                return CodePointSet.LETTER.run(text, at, end);
            }
            if (CodePointSet.NUMBER.has(c)) {
                return CodePointSet.NUMBER.run(text, at, Math.min(at + digits, end));
            }
            if (!CodePointSet.NEWLINE.has(c) && CodePointSet.LETTER.at(text, at + 1, end)) {
                return CodePointSet.LETTER.run(text, at + 1, end);
            }
            int start = c == ' ' && at + 1 < end ? at + 1 : at;
            if (!word.has(text[start])) {
                return CodePointSet.NEWLINE.run(text, runOfOthers(word, text, start, end), end);
            }
            return lines(text, at, end);
        };
    }

    /**
     * The last one of DeepSeek-V3's: <code>[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
     * ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</code>
     */
    static Split deepseek3() {
        CodePointSet ascii = CodePointSet.ranges("21-2F 3A-40 5B-60 7B-7E");
        CodePointSet latin = CodePointSet.ranges("41-5A 61-7A");
        CodePointSet sign = CodePointSet.PUNCTUATION.or(CodePointSet.SYMBOL);
        CodePointSet letter = CodePointSet.LETTER.or(CodePointSet.MARK);
        return (text, at, end) -> {
            int c = text[at];
            if (ascii.has(c) && latin.at(text, at + 1, end)) {
                return latin.run(text, at + 1, end);
            }
            if (letter.has(c)) {
                return letter.run(text, at, end);
            }
            if (!CodePointSet.NEWLINE.has(c) && !sign.has(c) && letter.at(text, at + 1, end)) {
                return letter.run(text, at + 1, end);
            }
            int start = c == ' ' ? at + 1 : at;
            if (sign.at(text, start, end)) {
                return CodePointSet.NEWLINE.run(text, sign.run(text, start, end), end);
            }
            return CodePointSet.SPACE.has(c) ? lines(text, at, end) : ~(at + 1);
        };
    }

    /** {@code 's|'t|'re|'ve|'m|'ll|'d}: where it ends, or -1. */
    private static int contraction(int[] text, int at, int end, boolean anyCase) {
        if (text[at] != '\'' || at + 1 >= end) {
            return -1;
        }
        int first = lower(text[at + 1], anyCase);
        if (first == 's' || first == 't' || first == 'm' || first == 'd') {
            return at + 2;
        }
        if (at + 2 < end) {
            int second = lower(text[at + 2], anyCase);
            if (first == 'r' && second == 'e' || first == 'v' && second == 'e' || first == 'l' && second == 'l') {
                return at + 3;
            }
        }
        return -1;
    }

    private static int lower(int c, boolean anyCase) {
        return anyCase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
    }

    private static int runOfOthers(CodePointSet not, int[] text, int at, int end) {
        int i = at;
        while (i < end && !not.has(text[i])) {
            i++;
        }
        return i;
    }

    /** {@code \s*[\r\n]+|\s+(?!\S)|\s+} at white space. */
    private static int lines(int[] text, int at, int end) {
        int run = CodePointSet.SPACE.run(text, at, end);
        for (int i = run; i > at; i--) {
            if (CodePointSet.NEWLINE.has(text[i - 1])) {
                return i;
            }
        }
        return run == end || run == at + 1 ? run : run - 1;
    }

    /** {@code \s+(?!\S)|\s+} at white space. */
    private static int space(int[] text, int at, int end) {
        int run = CodePointSet.SPACE.run(text, at, end);
        return run == end || run == at + 1 ? run : run - 1;
    }
}
