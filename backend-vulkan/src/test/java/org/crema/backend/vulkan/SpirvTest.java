package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;

/** The shaders that the build made. */
class SpirvTest {
    private static final String VALIDATOR = "spirv-val";

    /** What a validator says that does not know CooperativeMatrixKHR. */
    private static final String COOPERATIVE_MATRIX = "Invalid capability operand: 6022";

    private static List<Path> shaders() throws IOException, URISyntaxException {
        Path folder = Path.of(Spirv.class.getResource("spirv").toURI());
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        }
    }

    @Test
    void everyShaderIsValid() throws IOException, URISyntaxException, InterruptedException {
        boolean there = Arrays.stream(System.getenv("PATH").split(":")).anyMatch(dir -> Files.isExecutable(Path.of(dir,
                VALIDATOR)));
        String reason = "no " + VALIDATOR + "; install spirv-tools";
        if ("true".equals(System.getenv("CI"))) {
            assertTrue(there, reason);
        }
        assumeTrue(there, reason);
        List<Path> shaders = shaders();
        assertTrue(shaders.size() > 100, shaders.toString());
        List<String> wrong = new ArrayList<>();
        int unknown = 0;
        for (Path shader : shaders) {
            Process process = new ProcessBuilder(VALIDATOR, "--target-env", "vulkan1.2", shader.toString()).redirectErrorStream(
                    true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            boolean valid = process.waitFor() == 0;
            if (!valid && said.contains(COOPERATIVE_MATRIX) && shader.toString().contains("COOPMAT")) {
                // Older than the extension: then that it compiles is all that is known.
                unknown++;
            } else if (!valid) {
                wrong.add(shader.getFileName() + ": " + said);
            }
        }
        assertEquals(List.of(), wrong);
        System.out.printf("%d shaders are valid; %d with cooperative matrices are beyond the installed %s%n",
                shaders.size() - unknown,
                unknown, VALIDATOR);
    }

    /** K-quants, and what llama-quantize puts beside them; no codebooks of points. */
    @Test
    void typesThatShadersRead() {
        for (QuantType type : QuantType.values()) {
            boolean meant = type.name().matches("F32|F16|BF16|Q[458]_[01]|Q\\d_K|IQ4_NL");
            assertEquals(meant, Spirv.decodes(type), type.name());
        }
    }

    @Test
    void constantsHaveNamesInTheCommonHeader() {
        assertTrue(Spirv.constantIds().keySet().containsAll(List.of("GROUP", "LANES", "GEMM_X", "KEY", "CACHE_Q8_0")), Spirv
                .constantIds().toString());
        assertEquals(Spirv.constantIds().size(), Spirv.constantIds().values().stream().distinct().count());
    }
}
