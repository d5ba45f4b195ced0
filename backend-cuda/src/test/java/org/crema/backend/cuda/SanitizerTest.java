package org.crema.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.crema.kernels.Device;
import org.crema.kernels.Precision;
import org.crema.kernels.Op;
import org.crema.kernels.conformance.ConformanceKit;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/**
 * Kernels built with sanitizers, of a type of each family: accesses out of bounds, misaligned ones, shifts and overflows without a
 * meaning. Executions of their own name the library; its log must stay empty.
 */
@Tag("sanitizer")
class SanitizerTest extends ConformanceKit {
    private static final String SAMPLE = "MatMul/TYPES/(3|17)x\\d{2,4}/b[1-7](/|$)|HeadMatMul/(Q8_0|Q4_K).*/b[157]$|"
            + "ExpertMatMul/(Q4_K|Q5_0|F16).*/b([12]|33)(/pairs)?$|GateExperts/(v3|v2).*b1$|GateExperts/(ties|NaN)|"
            + "RmsNorm/(shape|in place)/(1x100|3x64|2x17)/b\\d$|(Add|SwiGlu).*/(1x100|2x17)|SelectRows/(100|best)|"
            + "Rope/.*/(b16|far)$|Embed/TYPES/.*/b1$|ExpertSum/.*/b[17]$|Attention/.*/1 over 1|LatentAttention/F16/2x|Fused/.*norm/Q4_K";
    private static final String SANITIZER = System.getenv("CUDA_CPU_SANITIZER");

    @BeforeAll
    static void need() throws IOException {
        Emulated.need();
        assertNotNull(SANITIZER, "runs in executions of its own");
        for (Path log : logs()) {
            Files.delete(log);
        }
    }

    @AfterAll
    static void emptyLog() throws IOException {
        StringBuilder text = new StringBuilder();
        for (Path log : logs()) {
            text.append(Files.readString(log));
        }
        assertEquals("", text.toString(), SANITIZER + " found something");
    }

    private static List<Path> logs() throws IOException {
        Path folder = Path.of(System.getProperty("emulated"));
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith("log.")).toList();
        }
    }

    /** Types whose kernels were built with the sanitizer: one of each family, see {@code build-all}. */
    private static List<String> types() {
        Path folder = Path.of(System.getProperty("emulated"));
        List<String> types = Stream.of(QuantType.values()).map(QuantType::name)
                .filter(type -> Files.exists(folder.resolve("matmul_" + type + ".o"))).toList();
        assertFalse(types.isEmpty(), "no kernels in " + folder);
        return types;
    }

    @Override
    protected Device device() {
        return Emulated.open();
    }

    @Override
    protected Size size() {
        return Size.TINY;
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? SAMPLE.replace("TYPES", "(" + String.join("|", types()) + ")") : super.only();
    }

    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
