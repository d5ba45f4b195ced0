package org.crema.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.crema.model.placement.StandIn;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The commands as a user runs them: what they print, and how they fail. */
class CommandTest {
    private static final String PROMPT = "public static int gcd(int a, int b) {";

    @TempDir
    private Path folder;

    private record Outcome(int code, String out, String err) {}

    private static Outcome crema(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Main.run(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), args);
        return new Outcome(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    private static void assertFails(int code, String word, String... args) {
        Outcome outcome = crema(args);
        assertEquals(code, outcome.code(), outcome.err());
        assertEquals(1, outcome.err().lines().count(), () -> "one line, found: " + outcome.err());
        assertTrue(outcome.err().startsWith("crema: "), outcome.err());
        assertTrue(outcome.err().contains(word), () -> "\"" + outcome.err() + "\" should say \"" + word + "\"");
        assertEquals("", outcome.out());
    }

    @Test
    void runContinuesThePrompt() {
        Outcome outcome = crema("run", "--temp", "0", "-n", "24", PROMPT);
        assertEquals(0, outcome.code(), outcome.err());
        assertTrue(outcome.out().startsWith(PROMPT + "\n"), outcome.out());
        assertTrue(outcome.out().contains("return"), outcome.out());
        assertTrue(outcome.err().contains("answer 24 tokens"), outcome.err());
    }

    @Test
    void runGivesJsonThatCanBeRepeated() {
        JsonNode first = new ObjectMapper().readTree(crema("run", "--json", "-n", "12", "-s", "7", PROMPT).out());
        JsonNode second = new ObjectMapper().readTree(crema("run", "--json", "-n", "12", "-s", "7", "-p", PROMPT).out());
        assertEquals(first.get("text"), second.get("text"));
        assertEquals(12, first.get("tokens").size());
        assertEquals(7, first.get("seed").asInt());
        assertEquals("length", first.get("finish_reason").asString());
    }

    @Test
    void runFillsInTheMiddle() {
        Outcome outcome = crema("run", "--temp", "0", "-n", "16", "--suffix", "\n    return sum;\n}",
                "int sum(int[] xs) {\n    int sum = 0;");
        assertEquals(0, outcome.code(), outcome.err());
        assertTrue(outcome.out().endsWith("\n    return sum;\n}" + System.lineSeparator()), outcome.out());
    }

    @Test
    void runStopsBeforeAStopText() {
        Outcome outcome = crema("run", "--temp", "0", "--stop", "return", "--no-display-prompt", PROMPT);
        assertEquals(0, outcome.code(), outcome.err());
        assertFalse(outcome.out().contains("return"), outcome.out());
        assertTrue(outcome.err().contains("stop"), outcome.err());
    }

    @Test
    void runReadsAPromptFromAFile() throws IOException {
        Path file = Files.writeString(folder.resolve("prompt.txt"), PROMPT);
        assertTrue(crema("run", "-n", "1", "-f", file.toString()).out().startsWith(PROMPT));
        Files.write(file, new byte[] {'a', (byte) 0xff, 'b'});
        assertFails(1, "not UTF-8", "run", "-f", file.toString());
    }

    @Test
    void tokenizeGoesThereAndBack() {
        Outcome ids = crema("tokenize", "--json", "int x;");
        JsonNode json = new ObjectMapper().readTree(ids.out());
        String list = String.join(",", json.get("ids").valueStream().map(JsonNode::asString).toList());
        assertTrue(crema("tokenize", "--ids", list).out().strip().endsWith("int x;"));
        JsonNode plain = new ObjectMapper().readTree(crema("tokenize", "--json", "--no-bos", "int x;").out());
        assertEquals(json.get("ids").size() - 1, plain.get("ids").size());
        JsonNode special = new ObjectMapper().readTree(crema("tokenize", "--json", "--no-bos", "<｜fim▁hole｜>").out());
        assertEquals(1, special.get("ids").size());
        JsonNode text = new ObjectMapper()
                .readTree(crema("tokenize", "--json", "--no-bos", "--no-special", "<｜fim▁hole｜>").out());
        assertTrue(text.get("ids").size() > 1);
        var in = System.in;
        try {
            System.setIn(new ByteArrayInputStream("int x;".getBytes(StandardCharsets.UTF_8)));
            assertEquals(ids.out(), crema("tokenize", "--json").out());
        } finally {
            System.setIn(in);
        }
    }

    @Test
    void logitsWritesEveryPosition() throws IOException {
        Path file = folder.resolve("logits.f32");
        assertEquals(0, crema("logits", "--tokens", "4090,879,10", "--precision", "f32", "-o", file.toString()).code());
        assertEquals(3 * 4096 * 4, Files.size(file));
        assertFails(1, "token 4096", "logits", "--tokens", "4096", "-o", file.toString());
        assertFails(2, "--tokens", "logits", "--tokens", "a", "-o", file.toString());
    }

    @Test
    void inspectShowsTheFile() {
        Outcome outcome = crema("inspect", "--tensors");
        assertEquals(0, outcome.code(), outcome.err());
        for (String word : List.of("deepseek2", "Q4_K", "bits per weight", "token_embd.weight", "runs on", "cpu", "per token")) {
            assertTrue(outcome.out().contains(word), () -> word + " is missing in " + outcome.out());
        }
        JsonNode json = new ObjectMapper().readTree(crema("inspect", "--json").out());
        assertEquals("deepseek2", json.get("metadata").get("general.architecture").asString());
        assertTrue(json.get("parameters").asLong() > 14_000_000);
    }

    @Test
    void doctorShowsTheMachine() {
        Outcome outcome = crema("doctor");
        assertEquals(0, outcome.code(), outcome.err());
        assertTrue(outcome.out().contains("vector module"), outcome.out());
        assertTrue(outcome.out().contains("cpu"), outcome.out());
        assertTrue(new ObjectMapper().readTree(crema("doctor", "--json").out()).get("devices").size() >= 1);
    }

    @Test
    void planShowsWhereAModelWouldGo() throws IOException {
        Path header = StandIn.LITE.write(folder.resolve("lite.gguf"));
        Outcome outcome = crema("plan", header.toString(), "--ctx", "4096", "--assume", "gpu:6G@360,cpu:32G@60");
        assertEquals(0, outcome.code(), outcome.err());
        for (String word : List.of("27 layers", "gpu:0", "without routed experts layers 1-", "why", "tokens/s at most")) {
            assertTrue(outcome.out().contains(word), () -> word + " is missing in " + outcome.out());
        }
        JsonNode json = new ObjectMapper().readTree(crema("plan", "--json", "-m", header.toString(), "--cpu-moe", "--assume",
                "gpu:6G@360,cpu:32G@60").out());
        long sum = 0;
        for (JsonNode device : json.get("devices")) {
            long parts = device.get("weights").asLong() + device.get("mapped").asLong() + device.get("caches").asLong()
                    + device.get("scratch").asLong() + device.get("staging").asLong();
            assertEquals(parts, device.get("need").asLong());
            assertTrue(parts <= device.get("free").asLong() - device.get("margin").asLong());
            sum += device.get("weights").asLong() + device.get("mapped").asLong();
        }
        // Copies on the card are aligned.
        assertTrue(sum >= json.get("tensor_bytes").asLong() && sum < json.get("tensor_bytes").asLong() + (64 << 10));
        assertEquals("embedding, routed experts of layers 1-26", json.get("devices").get(1).get("runs").asString());
        // 360 GB/s for 1.2 GB, 60 for the 0.8 GB of six experts in each of 26 layers.
        assertEquals(60, json.get("tokens_per_second_at_most").asDouble(), 15);
        assertFails(1, "what would fit", "plan", header.toString(), "--assume", "cpu:6G");
        assertFails(1, "NAME:SIZE@GBPS", "plan", header.toString(), "--assume", "lots");
        assertEquals(0, crema("plan", "--device", "cpu").code());
    }

    @Test
    void placementOptionsAreChecked() {
        assertFails(1, "-ngl many", "run", "-ngl", "many", "x");
        assertFails(1, "not both", "run", "--cpu-moe", "--n-cpu-moe", "3", "x");
        assertFails(1, "PATTERN=DEVICE", "run", "-ot", "exps", "x");
        assertFails(1, "no GPU", "run", "--device", "cpu", "--require-gpu", "x");
        assertFails(1, "named twice", "run", "--device", "cpu,cpu", "x");
        assertFails(1, "shares", "run", "-ts", "0,0", "x");
        assertFails(2, "usage", "run", "-ncmoe", "many", "x");
    }

    @Test
    void runSaysWhereItPutThings() {
        Outcome outcome = crema("run", "--device", "reference,cpu", "-ngl", "1", "-ncmoe", "99", "-n", "2", "--temp", "0",
                PROMPT);
        assertEquals(0, outcome.code(), outcome.err());
        assertTrue(outcome.err().contains("[reference: without routed experts layers 5, head;"), outcome.err());
        assertTrue(outcome.err().contains("[cpu: embedding, layers 0-4, routed experts of layers 5;"), outcome.err());
        assertTrue(outcome.err().contains("reference + cpu"), outcome.err());
        Outcome pinned = crema("run", "--device", "cpu,reference", "-ngl", "0", "-ot", "blk\\.2\\.ffn_.*_exps=reference", "-n",
                "2",
                "--temp", "0", PROMPT);
        assertTrue(pinned.err().contains("[reference: routed experts of layers 2;"), pinned.err());
        assertEquals(outcome.out(), pinned.out());
    }

    @Test
    void badFilesGiveOneLine() throws IOException {
        String missing = folder.resolve("missing.gguf").toString();
        String text = Files.writeString(folder.resolve("text.gguf"), "this is not a model, it is text").toString();
        Path cut = folder.resolve("cut.gguf");
        try (var in = Main.class.getResourceAsStream("/org/crema/tinycoder/tiny-coder-Q4_K_M.gguf")) {
            Files.write(cut, in.readNBytes(2_000_000));
        }
        for (List<String> command : List.of(List.of("run", "x"), List.of("inspect"), List.of("tokenize", "x"), List.of("chat"),
                List.of("logits",
                        "--tokens", "1", "-o", folder.resolve("o").toString()))) {
            assertFails(1, "no such file", with(command, "-m", missing));
            assertFails(1, "not a GGUF file", with(command, "-m", text));
            assertFails(1, "directory", with(command, "-m", folder.toString()));
            if (!command.contains("tokenize")) {
                assertFails(1, "not downloaded completely", with(command, "-m", cut.toString()));
            }
        }
    }

    private static String[] with(List<String> command, String... more) {
        return java.util.stream.Stream.concat(command.stream(), java.util.stream.Stream.of(more)).toArray(String[]::new);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "nonsense", "run", "run a b", "run a -p b", "run --unknown x", "run -n many x",
        "run --temp hot x",
        "run --precision half x", "chat --unknown", "inspect --unknown", "tokenize --ids x", "logits", "doctor extra",
        "run -c -5x y"})
    void wrongUsageIsCodeTwo(String line) {
        assertFails(2, "usage", line.isEmpty() ? new String[0] : line.split(" "));
    }

    @Test
    void wrongValuesAreCodeOne() {
        assertFails(1, "temperature", "run", "--temp", "-1", "x");
        assertFails(1, "context", "run", "-c", "-5", "x");
        assertFails(1, "no backend \"abacus\"", "run", "--device", "abacus", "x");
        assertFails(1, "cpu:7", "run", "--device", "cpu:7", "x");
        assertFails(1, "smaller context", "run", "-c", "16000000", "-ctk", "f32", "x");
        assertFails(1, "context", "run", "-c", "8", "one two three four five six seven eight nine ten");
        assertFails(1, "stop string", "run", "--stop", "", "x");
        assertFails(1, "not UTF-8", "run", "a\uFFFDb");
    }
}
