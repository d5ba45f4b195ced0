package org.crema.model.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How byte-level BPE cuts a text into words before it merges: a sequence of splits, each of which cuts the words that the one
 * before it made. Sources: the expressions are those of the models' files {@code tokenizer.json}; the names for them in GGUF files
 * are from llama.cpp (src/llama-vocab.cpp).
 *
 * <p>Where llama.cpp is known to differ from the models' own expressions, the latter count, since the models were trained with
 * them: U+3000 and other white space is in the sets of {@link #DEEPSEEK_LLM} that have a range over it, and the tilde is a symbol
 * for {@link #DEEPSEEK_V3}.
 */
public enum PreTokenizer {
    /** DeepSeek LLM, DeepSeek-V2 and DeepSeek-Coder-V2. */
    DEEPSEEK_LLM(false, false, List.of("deepseek-llm")) {
        @Override
        List<Split> splits() {
            CodePointSet letter = CodePointSet.ranges(CASED_LETTERS);
            CodePointSet sign = CodePointSet.ranges("21-2F 3A-7E FF01-FF0F FF1A-FF5E 2018-201F 3000-3002");
            return List.of(Split.each(CodePointSet.NEWLINE), Split.wordsAfterSpace(letter), Split.wordsAfterSpace(sign),
                    Split.spaceAtEnd(), Split.runs(deepseekHan()), Split.runs(CodePointSet.NUMBER));
        }
    },

    /** The first DeepSeek-Coder. */
    DEEPSEEK_CODER(false, false, List.of("deepseek-coder")) {
        @Override
        List<Split> splits() {
            return List.of(Split.each(CodePointSet.NEWLINE), Split.wordsAfterSpace(CodePointSet.LETTER),
                    Split.wordsAfterSpace(CodePointSet.PUNCTUATION), Split.runs(deepseekHan()),
                    Split.each(CodePointSet.NUMBER));
        }
    },

    /** DeepSeek-V3 and R1. */
    DEEPSEEK_V3(false, false, List.of("deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4")) {
        @Override
        List<Split> splits() {
            return List.of(Split.runs(CodePointSet.NUMBER, 3),
                    Split.runs(CodePointSet.ranges("4E00-9FA5 3040-309F 30A0-30FF")), Split.deepseek3());
        }
    },

    /** Llama 3. */
    LLAMA_BPE(true, true, List.of("llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2")) {
        @Override
        List<Split> splits() {
            return List.of(Split.llama3(3));
        }
    },

    /** The split of Llama 3 in vocabularies that merge every word from its bytes. */
    DBRX(false, false, List.of("dbrx", "smaug-bpe", "glm4", "chatglm-bpe")) {
        @Override
        List<Split> splits() {
            return List.of(Split.llama3(3));
        }
    },

    /** Qwen 2, 2.5 and 3. */
    QWEN2(false, false, List.of("qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan",
            "solar-open")) {
        @Override
        List<Split> splits() {
            return List.of(Split.llama3(1));
        }
    },

    /** GPT-2. */
    GPT_2(false, false, List.of("gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "exaone4", "mpt", "olmo", "jais", "trillion",
            "granite-docling")) {
        @Override
        List<Split> splits() {
            return List.of(Split.gpt2());
        }
    };

    /** The letters with case of the Unicode of that time, as the expression of DeepSeek LLM lists them. */
    private static final String CASED_LETTERS = """
            41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1 3A3-3F5 \
            3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A 1E00-1F15 \
            1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC \
            1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128 212A-212D \
            212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B \
            A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB \
            10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943""";

    private final boolean wholeWords;
    private final boolean addsBos;
    @SuppressWarnings("ImmutableEnumChecker") // made with List.of
    private final List<String> names;

    PreTokenizer(boolean wholeWords, boolean addsBos, List<String> names) {
        this.wholeWords = wholeWords;
        this.addsBos = addsBos;
        this.names = names;
    }

    /** {@code [一-龥ࠀ-一가-퟿]} */
    private static CodePointSet deepseekHan() {
        return CodePointSet.ranges("4E00-9FA5 800-4E00 AC00-D7FF");
    }

    /** The splits, in order. */
    abstract List<Split> splits();

    /** Whether a word that is a token is that token, whatever the merges make of it. */
    boolean wholeWords() {
        return wholeWords;
    }

    /** Whether the begin token is added if the file does not say. */
    boolean addsBos() {
        return addsBos;
    }

    /** The values of {@code tokenizer.ggml.pre} that mean this one. */
    public List<String> names() {
        return names;
    }

    /** The pre-tokenizer of a name in {@code tokenizer.ggml.pre}. */
    public static Optional<PreTokenizer> named(String name) {
        return Arrays.stream(values()).filter(pre -> pre.names.contains(name)).findFirst();
    }

    /** All names, for messages. */
    static String supported() {
        return Arrays.stream(values()).flatMap(pre -> pre.names.stream()).collect(Collectors.joining(", "));
    }
}
