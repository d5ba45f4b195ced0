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

/** The advice of the page that publishes DeepSeek-Coder-V2-Instruct, for machines as people have them. */
class ChooseTest {
    @TempDir
    private Path folder;

    private static JsonNode choose(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        String[] all = java.util.stream.Stream
                .concat(java.util.stream.Stream.of("choose", "--json"), java.util.stream.Stream.of(args))
                .toArray(String[]::new);
        assertEquals(0, Main.run(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), all), () -> err.toString(StandardCharsets.UTF_8));
        return new ObjectMapper().readTree(out.toString(StandardCharsets.UTF_8)).get("advice");
    }

    /** Sizes on the page, GB: Q4_K_M 142.45, Q3_K_XL 123.8, Q3_K_M 112.7, Q2_K_L 87.5, Q2_K 86.0, IQ2_XS 68.7, IQ1_M 52.7. */
    @ParameterizedTest
    @CsvSource(textBlock = """
            24G,  136G, cuda,   none,   Q4_K_M,  a desktop: 171.8 GB together
            16G,  32G,  cuda,   none,   none,    too small for any
            80G,  64G,  cuda,   IQ2_XS, Q4_K_M,  one large card: 85.9 GB is 0.1 too little for Q2_K
            96G,  32G,  cuda,   IQ2_XS, Q3_K_XL, four cards of 24: I-quants below Q4; nothing of the kind near 136
            80G,  64G,  vulkan, none,   Q4_K_M,  never I-quants on Vulkan
            96G,  32G,  vulkan, Q2_K_L, Q3_K_XL, the largest K-quant
            48G,  32G,  rocm,   none,   IQ2_XS,  the largest that fits into 84.9
            192G, 64G,  rocm,   Q4_K_M, Q4_K_M,  an MI300X takes the recommended one
            160G, 64G,  cuda,   Q4_K_M, Q4_K_M,  two cards of 80
            0,    64G,  cpu,    none,   IQ1_M,   no K-quant fits
            0,    96G,  cpu,    none,   Q2_K_L,  K-quants on the CPU
            0,    160G, cpu,    none,   Q4_K_M,  a server without a card
            """)
    void theBuiltInTable(String vram, String ram, String backend, String fastest, String best, String why) {
        JsonNode advice = choose("--vram", vram, "--ram", ram, "--backend", backend);
        assertEquals(fastest, type(advice.get(0)), why);
        assertEquals(best, type(advice.get(1)), why);
        advice.forEach(each -> assertTrue(each.get("reason").asString().length() > 10, each.toString()));
    }

    private static String type(JsonNode advice) {
        return advice.get("file").isNull()
                ? "none"
                : advice.get("file").asString().replaceAll("DeepSeek-Coder-V2-Instruct-(.*)\\.gguf", "$1");
    }

    @Test
    void aFileThatIsNotRecommendedComesWithAWarning() {
        assertTrue(choose("--vram", "0", "--ram", "64G", "--backend", "cpu").get(1).get("reason").asString()
                .contains("extremely low"));
    }

    @Test
    void filesComeFromAFolderOrAList() throws IOException {
        Files.write(folder.resolve("m-Q4_K_M-00001-of-00002.gguf"), new byte[600]);
        Files.write(folder.resolve("m-Q4_K_M-00002-of-00002.gguf"), new byte[500]);
        Files.write(folder.resolve("m-IQ3_XS.gguf"), new byte[900]);
        JsonNode folderAdvice = choose("--vram", "8G", "--ram", "8G", "--backend", "cuda", folder.toString());
        assertEquals("m-Q4_K_M.gguf", folderAdvice.get(0).get("file").asString());
        assertEquals(1100, folderAdvice.get(0).get("bytes").asLong());
        Path list = Files.writeString(folder.resolve("list.json"), """
                [{"name": "a-Q8_0.gguf", "size": 9000000000}, {"name": "a-Q4_K_M.gguf", "size": "5GB"}]""");
        JsonNode listAdvice = choose("--vram", "8G", "--ram", "8G", "--backend", "cuda", list.toString());
        assertEquals("a-Q4_K_M.gguf", listAdvice.get(0).get("file").asString());
        assertEquals("a-Q8_0.gguf", listAdvice.get(1).get("file").asString());
    }
}
