package org.crema.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.crema.model.gguf.GgufException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Small vocabularies: the ids with a meaning, special tokens in texts, and what is refused. */
class VocabularyTest {
    /** The 256 byte tokens, "ab", and some special tokens: ids 256 and up. */
    private static GgufBytes bytePair(String... more) {
        List<String> tokens = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            tokens.add(String.valueOf(ByteAlphabet.character(b)));
        }
        tokens.add("ab");
        tokens.addAll(List.of(more));
        int[] types = new int[tokens.size()];
        Arrays.fill(types, 1);
        return new GgufBytes().with("model", "gpt2").with("pre", "deepseek-llm").with("tokens", tokens.toArray(String[]::new))
                .with("token_type", types).with("merges", new String[] {"a b"});
    }

    private static GgufBytes typed(GgufBytes vocabulary, int size, int from, int... types) {
        int[] all = new int[size];
        Arrays.fill(all, 1);
        System.arraycopy(types, 0, all, from, types.length);
        return vocabulary.with("token_type", all);
    }

    private static GgufBytes sentencePiece(String... tokens) {
        int[] types = new int[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            types[i] = tokens[i].startsWith("<0x") ? 6 : tokens[i].equals("<unk>") ? 2 : tokens[i].startsWith("<") ? 3 : 1;
        }
        return new GgufBytes().with("model", "llama").with("tokens", tokens).with("token_type", types).with("scores",
                new float[tokens.length]);
    }

    private static String refused(GgufBytes vocabulary) {
        return assertThrows(GgufException.class, () -> Tokenizer.of(vocabulary.metadata())).getMessage();
    }

    private static void assertSays(String part, String message) {
        assertTrue(message.contains(part), () -> "expected \"" + part + "\" in: " + message);
    }

    @Test
    void unknownKindsAreNamed() {
        String model = refused(bytePair().with("model", "rwkv"));
        assertSays("\"rwkv\"", model);
        assertSays("gpt2", model);
        String pre = refused(bytePair().with("pre", "tekken"));
        assertSays("\"tekken\"", pre);
        assertSays("deepseek-coder", pre);
        assertSays("deepseek-llm", refused(bytePair().with("pre", null)));
        assertSays("tokenizer.ggml.model", refused(bytePair().with("model", null)));
    }

    @Test
    void contradictionsAreRefused() {
        assertSays("2 values for 257 tokens", refused(bytePair().with("token_type", new int[] {1, 1})));
        assertSays("type 9 of token 256", refused(typed(bytePair(), 257, 256, 9)));
        assertSays("3 values for 257 tokens", refused(bytePair().with("scores", new float[3])));
        assertSays("\"a z\" as merge 0", refused(bytePair().with("merges", new String[] {"a z"})));
        assertSays("\"ab ba\" as merge 1", refused(bytePair().with("merges", new String[] {"a b", "ab ba"})));
        assertSays("two tokens with a space", refused(bytePair().with("merges", new String[] {"ab"})));
        assertSays("two tokens with a space", refused(bytePair().with("merges", new String[] {""})));
        assertSays("two tokens with a space", refused(bytePair().with("merges", new String[] {"a "})));
        assertSays("tokenizer.ggml.merges", refused(bytePair().with("merges", null)));
        assertSays("token 97 and as token 257", refused(typed(bytePair("a"), 258, 0, 1)));
        assertSays("for the byte 0x00", refused(bytePair().with("tokens", new String[] {"a", "b", "ab"})
                .with("token_type", new int[] {1, 1, 1})));
        assertSays("at least one", refused(bytePair().with("tokens", new String[0])));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bos_token_id", "eos_token_id", "eot_token_id", "unknown_token_id", "fim_pre_token_id"})
    void idsMustBeInRange(String key) {
        assertSays("expected a token id of 0 to 256", refused(bytePair().with(key, 257)));
        assertSays(key, refused(bytePair().with(key, -2)));
        Tokenizer none = Tokenizer.of(bytePair().with(key, -1).metadata());
        assertEquals(257, none.size());
        assertEquals(OptionalInt.empty(), none.bos());
    }

    @Test
    void specialTokensAskedForMustExist() {
        assertSays("bos_token_id", refused(bytePair().with("add_bos_token", true)));
        assertSays("eos_token_id", refused(bytePair().with("add_eos_token", true)));
        assertFalse(Tokenizer.of(bytePair().with("pre", "llama-bpe").metadata()).addsBos());
        Tokenizer both = Tokenizer.of(bytePair().with("add_bos_token", true).with("add_eos_token", true).with("bos_token_id", 1)
                .with("eos_token_id", 2).metadata());
        assertArrayEquals(new int[] {1, 256, 2}, both.encode("ab", true, false));
        assertArrayEquals(new int[] {256}, both.encode("ab", false, false));
        assertArrayEquals(new int[] {1, 2}, both.encode("", true, false));
        assertTrue(both.addsBos());
        assertEquals(OptionalInt.of(1), both.bos());
        assertEquals(OptionalInt.of(2), both.eos());
    }

    @Test
    void deepseekFillInTheMiddleIsFoundByText() {
        String[] names = {"<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"};
        Tokenizer tokenizer = Tokenizer.of(typed(bytePair(names), 261, 257, 4, 4, 4, 1).metadata());
        assertEquals(OptionalInt.of(258), tokenizer.fimPrefix());
        assertEquals(OptionalInt.of(257), tokenizer.fimSuffix());
        assertEquals(OptionalInt.of(259), tokenizer.fimMiddle());
        assertArrayEquals(new int[] {258, 'a'}, tokenizer.encode("<｜fim▁begin｜>a", false, true));
        assertTrue(tokenizer.encode("<｜fim▁begin｜>a", false, false).length > 2, "control tokens by name, so plain text here");
        assertEquals("", tokenizer.decode(new int[] {257, 258, 259, 260}, false));
        assertEquals(String.join("", names), tokenizer.decode(new int[] {257, 258, 259, 260}, true));
        assertTrue(tokenizer.isEndOfGeneration(260));
        assertFalse(tokenizer.isEndOfGeneration(259));
        Tokenizer without = Tokenizer.of(bytePair().metadata());
        assertEquals(OptionalInt.empty(), without.fimPrefix());
        assertEquals(OptionalInt.empty(), without.fimSuffix());
        assertEquals(OptionalInt.empty(), without.fimMiddle());
    }

    @Test
    void keysComeBeforeNames() {
        Tokenizer tokenizer = Tokenizer.of(bytePair("<|fim_prefix|>", "<PRE>", "<|im_end|>").with("fim_pre_token_id", 258)
                .with("eot_token_id", 7).with("eos_token_id", 8).metadata());
        assertEquals(OptionalInt.of(258), tokenizer.fimPrefix());
        assertArrayEquals(new int[] {7, 8, 259}, IntStream.range(0, 260).filter(tokenizer::isEndOfGeneration).toArray());
    }

    @Test
    void longerTokensClaimTheirPlacesFirst() {
        Tokenizer tokenizer = Tokenizer.of(typed(bytePair("xy", "yzz", "<c>", "xyxyxy"), 261, 257, 4, 4, 3, 4).metadata());
        assertArrayEquals(new int[] {'x', 258}, tokenizer.encode("xyzz", false, false));
        assertArrayEquals(new int[] {257, 257, 'z'}, tokenizer.encode("xyxyz", false, false));
        assertArrayEquals(new int[] {260, 257}, tokenizer.encode("xyxyxyxy", false, false));
        assertArrayEquals(new int[] {256, 259, 257}, tokenizer.encode("ab<c>xy", false, true));
        assertArrayEquals(new int[] {256, '<', 'c', '>', 257}, tokenizer.encode("ab<c>xy", false, false));
        assertEquals("abxy", tokenizer.decode(new int[] {256, 259, 257}, false));
    }

    @Test
    void addedTokensInTheByteAlphabetStandForThemselves() {
        Tokenizer tokenizer = Tokenizer.of(typed(bytePair("øx"), 258, 257, 4).metadata());
        assertArrayEquals("øx".getBytes(java.nio.charset.StandardCharsets.UTF_8), tokenizer.bytes(257));
        assertArrayEquals(new byte[] {(byte) 0xF8}, tokenizer.bytes(0xF8));
        Tokenizer called = Tokenizer.of(bytePair("<｜tool｜>").metadata());
        assertEquals("<｜tool｜>", called.decode(new int[] {257}, false));
    }

    @Test
    void byteTokensMustBeWhole() {
        for (String bad : List.of("<0x-1>", "<0xG0>", "<0x0>", "<0x000>", "<0x１0>")) {
            assertSays(bad, refused(sentencePiece("<unk>", bad)));
        }
        String partly = refused(sentencePiece("<unk>", "<0x00>", "<0x01>"));
        assertSays("2 byte tokens, but none for 0x02", partly);
        assertSays("neither byte tokens nor an unknown token", refused(sentencePiece("a")));
        assertSays("scores", refused(sentencePiece("<unk>").with("scores", null)));
        assertSays("NaN", refused(sentencePiece("<unk>").with("scores", new float[] {Float.NaN})));
    }

    @Test
    void sentencePieceMergesByScoreAndFallsBack() {
        GgufBytes small = sentencePiece("<unk>", "▁", "a", "b", "c", "ab", "bc", "abc", "<s>");
        Tokenizer tokenizer = Tokenizer.of(small.with("scores", new float[] {0, -1, -2, -3, -4, -9, -8, -10, 0}).metadata());
        assertArrayEquals(new int[] {1, 7}, tokenizer.encode("abc", false, false), "b c first, then a bc");
        assertArrayEquals(new int[] {1, 2, 0, 6}, tokenizer.encode("a€bc", false, false));
        assertArrayEquals(new int[] {1, 0, 1}, tokenizer.encode("😀 ", false, false), "one unknown token for a character");
        assertArrayEquals(new int[] {1, 2, 8, 1, 3}, tokenizer.encode("a<s>b", false, true), "a space after each special token");
        assertArrayEquals(new int[] {}, tokenizer.encode("", false, true));
        assertEquals("abc", tokenizer.decode(new int[] {1, 7}, false));
        assertEquals("<s>a", tokenizer.decode(new int[] {8, 1, 2}, true));
        assertEquals(" a", tokenizer.decoder(true).next(1) + tokenizer.decoder(true).next(2));
        Tokenizer bare = Tokenizer.of(small.with("add_space_prefix", false).metadata());
        assertArrayEquals(new int[] {7}, bare.encode("abc", false, false));
        assertEquals(" a", bare.decode(new int[] {1, 2}, false));
    }

    @Test
    void idsOutOfRangeAreNamed() {
        Tokenizer tokenizer = Tokenizer.of(bytePair().metadata());
        for (int id : new int[] {-1, 257, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            String message = assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {id}, true))
                    .getMessage();
            assertSays("token id " + id, message);
            assertSays("0 to 256", message);
            assertThrows(IllegalArgumentException.class, () -> tokenizer.bytes(id));
            assertThrows(IllegalArgumentException.class, () -> tokenizer.piece(id));
            assertThrows(IllegalArgumentException.class, () -> tokenizer.isEndOfGeneration(id));
            assertThrows(IllegalArgumentException.class, () -> tokenizer.decoder(true).next(id));
        }
    }

    @Test
    void piecesAndFind() {
        Tokenizer tokenizer = Tokenizer.of(bytePair("Ġab").metadata());
        assertEquals("Ġab", tokenizer.piece(257));
        assertEquals(OptionalInt.of(257), tokenizer.find("Ġab"));
        assertEquals(OptionalInt.empty(), tokenizer.find("Ġabc"));
        assertEquals(OptionalInt.empty(), tokenizer.find(""));
        assertEquals(" ab", tokenizer.decode(new int[] {257}, false));
    }

    @Test
    void decoderSaysOnlyWhatIsCertain() {
        Tokenizer tokenizer = Tokenizer.of(bytePair().metadata());
        TextDecoder decoder = tokenizer.decoder(false);
        assertEquals("", decoder.next(0xF0));
        assertEquals("", decoder.next(0x9F));
        assertEquals("", decoder.next(0x98));
        assertEquals("😀", decoder.next(0x80));
        assertEquals("", decoder.next(0xE4));
        assertEquals("\uFFFDa", decoder.next('a'), "the character can no longer be finished");
        assertEquals("\uFFFD", decoder.next(0xFF));
        assertEquals("", decoder.next(0xC3));
        assertEquals("\uFFFD", decoder.flush());
        assertEquals("", decoder.flush());
        assertEquals("ab", decoder.next(256));
    }
}
