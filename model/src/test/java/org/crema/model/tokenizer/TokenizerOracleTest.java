package org.crema.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.crema.kernels.conformance.OracleData;
import org.crema.model.gguf.GgufFile;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Ids that llama.cpp gives for texts: every line and pair of the golden data must match. */
class TokenizerOracleTest {
    private static final String SEPARATOR = "\n__ggml_vocab_test__\n";
    private static final JsonMapper JSON = JsonMapper.shared();

    static Tokenizer load(Path file) throws IOException {
        try (GgufFile gguf = GgufFile.open(file)) {
            return Tokenizer.of(gguf.metadata());
        }
    }

    private static List<Path> files(String folder, String ending) throws IOException {
        List<Path> found = new ArrayList<>();
        for (Path root : OracleData.roots()) {
            if (Files.isDirectory(root.resolve(folder))) {
                try (Stream<Path> list = Files.list(root.resolve(folder))) {
                    list.filter(file -> file.toString().endsWith(ending)).sorted().forEach(found::add);
                }
            }
        }
        assertFalse(found.isEmpty(), "no file *" + ending + " in " + folder + " of " + OracleData.roots());
        return found;
    }

    /** The file whose vocabulary the lines of a file were made with. */
    private static Path vocabulary(Path lines) {
        String name = lines.getFileName().toString().replace(".jsonl", "");
        return OracleData.file(switch (name) {
            case "tiny-v2-full" -> "models/v2-full-F16.gguf";
            case "tiny-v2-lite-3l" -> "models/v2-lite-3l-Q4_K_M.gguf";
            case "tiny-v3" -> "models/v3-F32.gguf";
            default -> "vocab/ggml-vocab-" + name + ".gguf";
        });
    }

    @TestFactory
    Stream<DynamicTest> everyLine() throws IOException {
        return files("tokenizer", ".jsonl").stream().map(file -> dynamicTest(file.getFileName().toString(), () -> lines(file)));
    }

    private static void lines(Path file) throws IOException {
        Tokenizer tokenizer = load(vocabulary(file));
        List<Executable> checks = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            JsonNode node = JSON.readTree(line);
            String text = node.get("text").asString();
            int[] expected = ids(node.get("ids"));
            boolean addSpecial = node.get("add_special").asBoolean();
            boolean parseSpecial = node.get("parse_special").asBoolean();
            checks.add(() -> assertArrayEquals(expected, tokenizer.encode(text, addSpecial, parseSpecial), () -> line));
            if (node.get("roundtrip").asBoolean()) {
                int skip = addSpecial && tokenizer.addsBos() ? 1 : 0;
                int[] own = Arrays.copyOfRange(expected, skip, expected.length);
                checks.add(() -> assertEquals(text, tokenizer.decode(own, true), () -> line));
                checks.add(() -> assertEquals(text, stream(tokenizer, own), () -> line));
            }
        }
        assertTrue(checks.size() > 100, "found " + checks.size() + " checks in " + file);
        assertAll(checks);
    }

    private static String stream(Tokenizer tokenizer, int[] ids) {
        TextDecoder decoder = tokenizer.decoder(true);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            text.append(decoder.next(id));
        }
        return text.append(decoder.flush()).toString();
    }

    private static int[] ids(JsonNode array) {
        return array.valueStream().mapToInt(JsonNode::asInt).toArray();
    }

    @TestFactory
    Stream<DynamicTest> everyPair() throws IOException {
        return files("vocab", ".gguf.inp").stream().map(file -> dynamicTest(file.getFileName().toString(), () -> pairs(file)));
    }

    private static void pairs(Path file) throws IOException {
        String name = file.getFileName().toString().replace(".inp", "");
        Tokenizer tokenizer = load(OracleData.file("vocab/" + name));
        String input = Files.readString(file);
        List<String> texts = Arrays.asList(input.split(SEPARATOR, -1));
        if (texts.getLast().isEmpty()) {
            texts = texts.subList(0, texts.size() - 1);
        }
        List<String> lines = Files.readAllLines(file.resolveSibling(name + ".out"));
        assertEquals(lines.size(), texts.size(), file + " and its .out");
        assertEquals(46, texts.size(), "the README says 46");
        List<Executable> checks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            String text = texts.get(i);
            int[] expected = Stream.of(lines.get(i).strip().split(" ", -1)).filter(id -> !id.isEmpty())
                    .mapToInt(Integer::parseInt)
                    .toArray();
            checks.add(
                    () -> assertArrayEquals(expected, tokenizer.encode(text, false, false), () -> JSON.writeValueAsString(text)));
            checks.add(() -> assertEquals(text, tokenizer.decode(expected, false)));
        }
        assertAll(checks);
    }

    /** The prompt of the embedded model's golden file, whose begin token is among the tokens. */
    @Test
    void tinyCoder() throws IOException {
        String models = System.getProperty("models", "");
        Assumptions.assumeFalse(models.isEmpty(), "system property models names no directory with tiny-coder-Q4_K_M.gguf");
        Tokenizer tokenizer = load(Path.of(models, "tiny-coder-Q4_K_M.gguf"));
        JsonNode golden = JSON.readTree(Files.readString(Path.of(models, "golden", "golden.json")));
        String prompt = golden.get("prompt").asString();
        assertArrayEquals(ids(golden.get("tokens")), tokenizer.encode(prompt, true, false));
        for (JsonNode file : golden.get("files")) {
            int[] greedy = ids(file.get("greedy_tokens"));
            assertEquals(file.get("greedy_text").asString(), tokenizer.decode(greedy, false));
        }
    }
}
