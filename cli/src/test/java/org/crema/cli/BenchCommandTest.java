package org.crema.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** {@code crema bench} as a user calls it, on tests so short that they say nothing about speed. */
class BenchCommandTest {
    private static final String SHORT = "bench -p 4 -n 2 -r 2 --warm-up 0 --device cpu ";

    @TempDir
    Path folder;

    private Path model;

    private record Outcome(int code, String out, String err) {}

    private static Outcome crema(String line) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Main.run(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), line
                        .strip().split("\\s+"));
        return new Outcome(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** The embedded model as a file, so that the synthetic ones are left out. */
    private String model() throws IOException {
        if (model == null) {
            model = folder.resolve("tiny-coder.gguf");
            try (var in = Main.class.getResourceAsStream("/org/crema/tinycoder/tiny-coder-Q4_K_M.gguf")) {
                Files.copy(in, model);
            }
        }
        return "-m " + model + " ";
    }

    @Test
    void printsTheTableAndWritesEveryFormat() throws IOException {
        StringBuilder writes = new StringBuilder();
        for (String end : new String[] {"md", "csv", "json", "jsonl", "html", "png"}) {
            writes.append(" --write ").append(folder.resolve("result." + end));
        }
        Outcome outcome = crema(SHORT + model() + "--profile" + writes);
        assertEquals(0, outcome.code(), outcome.err());
        assertTrue(outcome.out().contains("| pp4 ") && outcome.out().contains("| tg2 "), outcome.out());
        assertTrue(outcome.out().contains("at best"), outcome.out());
        assertTrue(outcome.out().contains("█"), "a chart of where the time goes");
        assertEquals(outcome.out(), Files.readString(folder.resolve("result.md")));
        JsonNode json = new ObjectMapper().readTree(Files.readString(folder.resolve("result.json")));
        assertEquals(2, json.size());
        assertEquals(2, json.get(0).get("samples_ts").size());
        assertEquals(4, json.get(0).get("n_prompt").asInt());
        assertTrue(json.get(0).get("profile").size() > 3);
        assertEquals(2, Files.readAllLines(folder.resolve("result.jsonl")).size());
        assertEquals(3, Files.readAllLines(folder.resolve("result.csv")).size());
        assertTrue(Files.readString(folder.resolve("result.html")).contains("class=\"bar\""));
        assertTrue(Files.size(folder.resolve("result.png")) > 1000);
    }

    @Test
    void comparesAndImports() throws IOException {
        Path old = folder.resolve("old.json");
        assertEquals(0, crema(SHORT + model() + "--write " + old).code());
        // As llama-bench would write it: without our fields.
        Path other = Files.writeString(folder.resolve("llama.json"), """
                [{"build_commit": "b1", "backends": "CPU", "model_filename": "x/tiny-coder.gguf", "n_prompt": 4, "n_gen": 0,
                  "avg_ts": 100.0, "stddev_ts": 1.0}]""");
        Outcome outcome = crema(SHORT + model() + "--compare " + old + " --import " + other);
        assertEquals(0, outcome.code(), outcome.err());
        assertTrue(outcome.out().contains("no change") || outcome.out().contains("changed beyond the noise"), outcome.out());
        assertTrue(outcome.out().contains("llama.cpp b1") && outcome.out().contains("100.00"), outcome.out());
    }

    @Test
    void timesSingleOps() {
        Outcome outcome = crema("bench --ops ^Add/.*b1$ --device cpu --warm-up 0.01 -o json");
        assertEquals(0, outcome.code(), outcome.err());
        JsonNode json = new ObjectMapper().readTree(outcome.out());
        assertEquals("Add/1x2048/b1", json.get(0).get("op").asString());
        assertTrue(json.get(0).get("bytes_per_second").asDouble() > 0);
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"-p x; 2; not an int", "-o xml; 2; usage", "-pg 5; 2; two numbers",
        "-p 0 -n 0; 2; no test",
        "-p -4; 1; prompt tokens", "-r 0; 1; repetitions", "--streams 0; 1; streams", "--device abacus; 1; no backend",
        "-m missing.gguf; 1; no such file", "-m synthetic-lite:Q99; 1; no tensor type", "--compare missing.json; 1; no such file",
        "--write result.txt; 1; should end in", "--ops Nonsense; 1; no op has a name", "--ops Add -o html; 1; not as HTML",
        "--save-model a.gguf; 2; name them", "-m a.gguf --save-model a.gguf; 2; name them"})
    void badInputIsOneLine(String arguments, int code, String word) {
        Outcome outcome = crema("bench --warm-up 0 " + (arguments.contains("--device") ? "" : "--device cpu ") + arguments);
        assertEquals(code, outcome.code(), outcome.err());
        assertEquals(1, outcome.err().lines().count(), outcome.err());
        assertTrue(outcome.err().startsWith("crema: ") && outcome.err().contains(word), outcome.err());
        assertEquals("", outcome.out());
    }
}
