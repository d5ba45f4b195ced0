package org.crema.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ReportTest {
    /** What llama-bench writes and a record of any engine has. */
    private static final List<String> LLAMA_BENCH = List.of("build_commit", "cpu_info", "gpu_info", "backends", "model_filename",
            "model_type", "model_size", "model_n_params", "n_batch", "n_ubatch", "n_threads", "type_k", "type_v", "devices",
            "n_prompt", "n_gen", "n_depth", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts", "samples_ns",
            "samples_ts");
    private static final List<String> OURS = List.of("median_ts", "placement", "device_details", "limit_share", "model_hash",
            "model_types", "jvm", "jvm_flags", "clock_mhz", "precision");

    private static List<Map<String, Object>> records() throws IOException {
        return Fixtures.results().stream().map(Result::fields).toList();
    }

    @Test
    void jsonHasLlamaBenchsNamesAndOurs() throws IOException {
        JsonNode array = new JsonMapper().readTree(Records.json(records()));
        assertEquals(4, array.size());
        for (JsonNode node : array) {
            LLAMA_BENCH.forEach(name -> assertTrue(node.has(name), () -> name + " is missing in " + node));
            OURS.forEach(name -> assertTrue(node.has(name), () -> name + " is missing in " + node));
        }
        JsonNode first = array.get(0);
        assertEquals(512, first.get("n_prompt").asInt());
        assertEquals(4050, first.get("avg_ts").asDouble(), 0.1);
        assertEquals(50, first.get("stddev_ts").asDouble(), 0.1);
        assertEquals(3, first.get("samples_ts").size());
        assertEquals("2026-01-02T03:04:05Z", first.get("test_time").asString());
        assertEquals("", first.get("gpu_info").asString());
        assertEquals("Test opencl", array.get(2).get("gpu_info").asString());
    }

    @Test
    void jsonLinesHoldOneRecordEach() throws IOException {
        List<String> lines = Records.jsonLines(records()).lines().toList();
        assertEquals(4, lines.size());
        lines.forEach(line -> assertTrue(new JsonMapper().readTree(line).isObject()));
    }

    @Test
    void csvHasAsManyValuesAsNames() throws IOException {
        List<String> lines = Records.csv(records()).lines().toList();
        assertEquals(5, lines.size());
        int names = lines.getFirst().split(",").length;
        assertEquals(names, lines.get(1).split("\",\"", -1).length);
    }

    @Test
    void theTableLinesUp() throws IOException {
        List<String> lines = Table.of(Fixtures.results()).lines().toList();
        assertEquals(6, lines.size());
        assertEquals(1, lines.stream().map(String::length).distinct().count(), () -> String.join("\n", lines));
        for (String column : List.of("model", "size", "params", "backend", "device", "placement", "test", "t/s")) {
            assertTrue(lines.getFirst().contains(" " + column + " "), column);
        }
        assertTrue(lines.get(2).contains("pp512") && lines.get(2).contains("4050.00 ± 50.00"), lines.get(2));
        assertTrue(lines.get(4).contains("opencl:0"), lines.get(4));
    }

    @Test
    void theImageShowsABarForEachDevice() throws IOException {
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        Chart.png(Fixtures.results(), png);
        Picture picture = new Picture(ImageIO.read(new ByteArrayInputStream(png.toByteArray())));
        int blue = picture.count(Html.COLOURS.getFirst());
        assertTrue(blue > 4_000, () -> blue + " blue pixels");
    }
}
