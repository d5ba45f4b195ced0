package org.crema.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The scanners against java.util.regex, on random short texts. */
class SplitTest {
    private static final String SPACE = "\\p{IsWhite_Space}";
    private static final int[] LETTERS = {'a', 'Z', 's', 't', 'r', 'e', 'v', 'l', 'L', 'd', 0xE9, 0x4E2D, 0x3042, 0xAC00, 0x5D0,
        0x2B0,
        0x10400, 0x1D400, 0x1BB};
    private static final int[] OTHERS = {' ', ' ', ' ', '\n', '\r', '\t', '\'', '\'', '!', '~', '+', '_', '1', '2', 0xB2, 0x661,
        0xA0,
        0x3000, 0x3002, 0x2003, 0x2028, 0x85, 0x301, 0x1F600, 0, 1, 0x1C, 0x200B, 0xFF01, 0x2018, 0xFFFD, 0x378, 0xE000};

    static Stream<Arguments> splits() {
        CodePointSet mixed = CodePointSet.ranges("61-7A 3000-3002 2003 10400-1044F");
        String mixedPattern = "[a-z\\x{3000}-\\x{3002}\\x{2003}\\x{10400}-\\x{1044F}]";
        String end = "\\s*[\r\n]+|\\s+(?!\\S)|\\s+";
        String llama = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,%d}|"
                + " ?[^\\s\\p{L}\\p{N}]+[\r\n]*|" + end;
        return Stream.of(split("[\r\n]", () -> Split.each(CodePointSet.NEWLINE)),
                split("\\p{N}+", () -> Split.runs(CodePointSet.NUMBER)),
                split("\\p{N}{1,3}", () -> Split.runs(CodePointSet.NUMBER, 3)),
                split("\\s?\\p{L}+", () -> Split.wordsAfterSpace(CodePointSet.LETTER)),
                split("\\s?\\p{P}+", () -> Split.wordsAfterSpace(CodePointSet.PUNCTUATION)),
                split("\\s?" + mixedPattern + "+", () -> Split.wordsAfterSpace(mixed)),
                split("\\s+$", Split::spaceAtEnd),
                split("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", Split::gpt2),
                split(llama.formatted(3), () -> Split.llama3(3)),
                split(llama.formatted(1), () -> Split.llama3(1)),
                split("[!-/:-@\\[-`{-~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|" + end,
                        Split::deepseek3));
    }

    private static Arguments split(String pattern, Supplier<Split> split) {
        return Arguments.of(pattern, split);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("splits")
    void asTheRegularExpression(String expression, Supplier<Split> made) {
        // The set of white space is that of the tokenizers, and $ is the very end.
        Pattern pattern = Pattern.compile(expression.replace("[^\\s", "[^" + SPACE).replace("\\S", "\\P{IsWhite_Space}")
                .replace("\\s", SPACE).replace("$", "\\z"));
        Split split = made.get();
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 20_000; round++) {
            int[] text = random.ints(random.nextInt(1, 12), 0, 2).map(kind -> kind == 0
                    ? LETTERS[random.nextInt(LETTERS.length)]
                    : OTHERS[random.nextInt(OTHERS.length)]).toArray();
            String string = new String(text, 0, text.length);
            int of = round;
            assertEquals(expected(pattern, string), found(split, text),
                    () -> "seed " + seed + " round " + of + " text "
                            + string.codePoints().mapToObj(Integer::toHexString).toList());
        }
    }

    private static List<String> expected(Pattern pattern, String text) {
        List<String> matches = new ArrayList<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            matches.add(text.codePointCount(0, matcher.start()) + "-" + text.codePointCount(0, matcher.end()));
        }
        return matches;
    }

    private static List<String> found(Split split, int[] text) {
        List<String> matches = new ArrayList<>();
        int at = 0;
        while (at < text.length) {
            int end = split.match(text, at, text.length);
            if (end >= 0) {
                matches.add(at + "-" + end);
            }
            at = end < 0 ? ~end : end;
        }
        return matches;
    }
}
