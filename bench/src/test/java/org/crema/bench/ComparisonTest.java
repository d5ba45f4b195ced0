package org.crema.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.crema.kernels.Rates;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ComparisonTest {
    @TempDir
    Path folder;

    private static List<Entry> entries(Result... results) throws IOException {
        return Entry.of(List.of(results));
    }

    private static Comparison compare(double[] before, double[] after) throws IOException {
        return new Comparison(entries(Fixtures.result("cpu", Fixtures.ANSWER, before)),
                entries(Fixtures.result("cpu", Fixtures.ANSWER,
                        after)));
    }

    @Test
    void twoRunsOfOneBuildAreNoChange() throws IOException {
        Comparison comparison = compare(new double[] {500, 505, 495, 502, 498}, new double[] {490, 510, 488, 493, 491});
        assertFalse(comparison.changes().getFirst().real());
        assertTrue(comparison.report().endsWith("no change\n"), comparison.report());
    }

    @Test
    void whatIsBeyondTheNoiseIsSaid() throws IOException {
        Comparison slower = compare(new double[] {500, 505, 495}, new double[] {440, 445, 435});
        assertTrue(slower.changes().getFirst().real());
        assertEquals(0.88, slower.changes().getFirst().ratio(), 1e-3);
        assertTrue(slower.report().contains("slower") && slower.report().contains("1 of 1 changed"), slower.report());
        assertTrue(compare(new double[] {500, 505, 495}, new double[] {600, 605, 595}).report().contains("faster"));
    }

    @Test
    void noisySamplesHideWhatQuietOnesShow() throws IOException {
        assertFalse(compare(new double[] {500, 600, 400}, new double[] {440, 540, 340}).changes().getFirst().real());
    }

    @Test
    void aSlowerMachineIsNoSlowerBuild() throws IOException {
        Result before = Fixtures.result("cpu", Fixtures.ANSWER, 500, 505, 495);
        Result after = Fixtures.result("cpu", new Rates(10e9, 200e9), Fixtures.ANSWER, 300, 305, 295);
        assertFalse(new Comparison(entries(before), entries(after)).changes().getFirst().real());
        Result worse = Fixtures.result("cpu", new Rates(10e9, 200e9), Fixtures.ANSWER, 200, 205, 195);
        assertTrue(new Comparison(entries(before), entries(worse)).changes().getFirst().real());
        // Reading a prompt of 512 tokens does not depend on bandwidth.
        Result prompt = Fixtures.result("cpu", Fixtures.PROMPT, 500, 505, 495);
        Result slower = Fixtures.result("cpu", new Rates(15e9, 200e9), Fixtures.PROMPT, 450, 455, 445);
        assertTrue(new Comparison(entries(prompt), entries(slower)).changes().getFirst().real());
    }

    @Test
    void aHostThatNeighboursSlowIsNoSlowerBuild() throws IOException {
        Result before = Fixtures.result("cpu", Fixtures.PROMPT, 500, 505, 495);
        Result after = Fixtures.result("cpu", Fixtures.RATES, 0.7 * Fixtures.PACE, Fixtures.PROMPT, 360, 355, 365);
        assertFalse(new Comparison(entries(before), entries(after)).changes().getFirst().real());
        Result worse = Fixtures.result("cpu", Fixtures.RATES, 0.7 * Fixtures.PACE, Fixtures.PROMPT, 300, 305, 295);
        assertTrue(new Comparison(entries(before), entries(worse)).changes().getFirst().real());
    }

    @Test
    void whatIsInOneOnlyOrConfiguredOtherwiseIsSaid() throws IOException {
        Path file = Files.writeString(folder.resolve("old.json"),
                Records.json(List.of(Fixtures.result("cpu", Fixtures.PROMPT, 100)
                        .fields(), Fixtures.result("opencl", Fixtures.PROMPT, 100).fields())).replace("JVM 25", "JVM 24"));
        String report = new Comparison(Entry.read(file),
                entries(Fixtures.result("cpu", Fixtures.PROMPT, 100), Fixtures.result("cpu",
                        Fixtures.ANSWER, 100)))
                .report();
        assertTrue(report.contains("only before") && report.contains("opencl:0"), report);
        assertTrue(report.contains("only after") && report.contains("tg128"), report);
        assertTrue(report.contains("jvm: JVM 24 -> JVM 25"), report);
    }

    @Test
    void nothingInCommonIsSaid() throws IOException {
        String report = new Comparison(entries(Fixtures.result("cpu", Fixtures.PROMPT, 100)), entries(Fixtures.result("cpu",
                Fixtures.ANSWER, 100))).report();
        assertTrue(report.contains("nothing to compare"), report);
    }

    @Test
    void llamaBenchLinesUp() throws IOException, URISyntaxException {
        Path file = Path.of(ComparisonTest.class.getResource("llama-bench.json").toURI());
        List<Entry> theirs = Entry.read(file);
        assertEquals("llama.cpp", theirs.getFirst().engine());
        assertEquals("tiny-coder-Q4_K_M.gguf", theirs.getFirst().file());
        assertEquals(5120, theirs.getFirst().samples().median());
        assertEquals("99 layers on CPU", theirs.getFirst().placement());
        String table = Comparison.beside(Entry.of(Fixtures.results()), theirs);
        // The first by its name, the second by its size; each beside both of our devices.
        assertEquals(6, table.lines().count(), table);
        assertTrue(table.contains("llama.cpp abc1234"), table);
        assertTrue(table.contains(String.format(java.util.Locale.ROOT, "%.2f", 4050 / 5120.0)), table);
        assertTrue(Comparison.beside(entries(Fixtures.result("cpu", new Trial(7, 0, 0, 1), 1)), theirs).contains(
                "nothing lines up"));
    }

    @Test
    void linesAreReadToo() throws IOException {
        Path file = Files.writeString(folder.resolve("new.jsonl"),
                Records.jsonLines(Fixtures.results().stream().map(Result::fields)
                        .toList()));
        assertEquals(Entry.of(Fixtures.results()), Entry.read(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "[1]", "{\"n_prompt\": 1}", "[{\"n_prompt\": 1, \"n_gen\": 0}]", "no json", "[{",
        "{\"n_prompt\": \"x\", \"n_gen\": 1, \"avg_ts\": 2}", "{\"n_prompt\": 0, \"n_gen\": 0, \"avg_ts\": 2}"})
    void badFilesAreRefusedByName(String text) throws IOException {
        Path file = Files.writeString(folder.resolve("bad.json"), text);
        IOException e = assertThrows(IOException.class, () -> Entry.read(file));
        assertTrue(e.getMessage().contains("bad.json"), e.getMessage());
    }
}
