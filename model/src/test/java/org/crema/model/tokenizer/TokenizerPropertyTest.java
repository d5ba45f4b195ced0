package org.crema.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.crema.kernels.conformance.OracleData;
import org.crema.model.gguf.GgufFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What must hold for any text. */
class TokenizerPropertyTest {
    private static final int[] LIMITS = {0x80, 0x80, 0x80, 0x250, 0x3000, 0x10000, 0x110000};

    static Stream<String> vocabularies() {
        return OracleData.whole()
                ? Stream.of("deepseek-coder", "deepseek-llm", "gpt-2", "llama-bpe", "llama-spm", "qwen2")
                : Stream.of("deepseek-coder", "llama-spm");
    }

    private static Path file(String name) {
        return OracleData.file("vocab/ggml-vocab-" + name + ".gguf");
    }

    private static String text(Random random, int most) {
        int limit = LIMITS[random.nextInt(LIMITS.length)];
        int[] points = IntStream.generate(() -> random.nextInt(limit)).filter(c -> c < 0xD800 || c > 0xDFFF)
                .limit(random.nextInt(most)).toArray();
        return new String(points, 0, points.length);
    }

    @ParameterizedTest
    @MethodSource("vocabularies")
    void anyTextComesBack(String name) throws IOException {
        Tokenizer tokenizer = TokenizerOracleTest.load(file(name));
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 3_000; i++) {
            // SentencePiece itself writes spaces as U+2581, so that character comes back as a space.
            String text = name.equals("llama-spm") ? text(random, 60).replace('▁', ' ') : text(random, 60);
            int[] ids = tokenizer.encode(text, i % 2 == 0, false);
            assertEquals(text, tokenizer.decode(ids, false), () -> "seed " + seed);
        }
    }

    @ParameterizedTest
    @MethodSource("vocabularies")
    void streamsSayWhatAllBytesSay(String name) throws IOException {
        Tokenizer tokenizer = TokenizerOracleTest.load(file(name));
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 3_000; i++) {
            // Mostly the first tokens, since those are the bytes.
            int[] ids = random.ints(random.nextInt(20), 0, random.nextBoolean() ? 259 : tokenizer.size()).toArray();
            TextDecoder decoder = tokenizer.decoder(true);
            String streamed = Arrays.stream(ids).mapToObj(decoder::next).collect(Collectors.joining()) + decoder.flush();
            String whole = tokenizer.decode(ids, true);
            // A stream follows other text, so it keeps the first space that decoding leaves out.
            assertTrue(streamed.equals(whole) || name.equals("llama-spm") && streamed.replaceFirst(" ", "").equals(whole),
                    () -> "seed " + seed + ": " + Arrays.toString(ids) + " gave " + streamed + ", expected " + whole);
        }
    }

    /** Merging one pair at a time, the earliest merge first, must give what the heap gives. */
    @Test
    void mergesAsByDefinition() throws IOException {
        Path file = file("deepseek-coder");
        Tokenizer tokenizer = TokenizerOracleTest.load(file);
        List<String> merges;
        try (GgufFile gguf = GgufFile.open(file)) {
            merges = List.of(gguf.metadata().requireStrings("tokenizer.ggml.merges"));
        }
        var ranks = IntStream.range(0, merges.size()).boxed().collect(Collectors.toMap(merges::get, rank -> rank));
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        String letters = "aaabbetinorsl";
        for (int i = 0; i < 500; i++) {
            String word = random.ints(random.nextInt(1, 40), 0, letters.length()).mapToObj(c -> letters.substring(c, c + 1))
                    .collect(
                            Collectors.joining());
            var parts = word.chars().mapToObj(Character::toString).collect(Collectors.toCollection(java.util.ArrayList::new));
            while (true) {
                int best = IntStream.range(0, parts.size() - 1)
                        .filter(p -> ranks.containsKey(parts.get(p) + " " + parts.get(p + 1)))
                        .boxed().min(java.util.Comparator.comparing(p -> ranks.get(parts.get(p) + " " + parts.get(p + 1))))
                        .orElse(-1);
                if (best < 0) {
                    break;
                }
                parts.set(best, parts.get(best) + parts.remove(best + 1));
            }
            int[] expected = parts.stream().mapToInt(part -> tokenizer.find(part).orElseThrow()).toArray();
            assertArrayEquals(expected, tokenizer.encode(word, false, false), () -> "seed " + seed + " word " + word);
        }
    }

    @Test
    void loneSurrogatesCountAsReplacement() throws IOException {
        Tokenizer tokenizer = TokenizerOracleTest.load(file("deepseek-coder"));
        int[] expected = tokenizer.encode("a\uFFFDb😀\uFFFD", false, false);
        assertArrayEquals(expected, tokenizer.encode("a\uD83Db😀\uDE00", false, false));
        assertArrayEquals(tokenizer.encode("\uFFFD", false, false), tokenizer.encode("\uD83D", false, false));
    }

    /** Neither the stack nor the square of the length: this would not end otherwise. */
    @ParameterizedTest
    @MethodSource("vocabularies")
    void oneCharacterMillionsOfTimes(String name) throws IOException {
        Tokenizer tokenizer = TokenizerOracleTest.load(file(name));
        for (String unit : List.of("a", " ", "!", "\u3000")) {
            String text = unit.repeat(OracleData.whole() && unit.equals("a") ? 10_000_000 : 1_000_000);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, false, true), false));
        }
    }

    @Test
    void threadsShareATokenizer() throws IOException {
        Tokenizer tokenizer = TokenizerOracleTest.load(file("deepseek-coder"));
        String text = "int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); } // größter Teiler 最大公约数\n".repeat(50);
        int[] expected = tokenizer.encode(text, true, true);
        IntStream.range(0, 64).parallel().forEach(_ -> assertArrayEquals(expected, tokenizer.encode(text, true, true)));
    }

    @ParameterizedTest
    @MethodSource("vocabularies")
    void filesOpenWithoutTensors(String name) throws IOException {
        try (GgufFile gguf = GgufFile.open(file(name))) {
            assertTrue(gguf.tensors().isEmpty());
            assertEquals(gguf.metadata().requireStrings("tokenizer.ggml.tokens").length, Tokenizer.of(gguf.metadata()).size());
        }
    }
}
