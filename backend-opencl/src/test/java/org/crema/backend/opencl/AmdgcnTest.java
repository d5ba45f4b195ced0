package org.crema.backend.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.crema.kernels.gpu.AttentionShape;
import org.crema.kernels.gpu.Kernels;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Compiles all kernels for AMD GPUs with clang, which needs no GPU, prints the registers that each takes, and lets no kernel of
 * decode spill any. {@code -Damdgcn.types=all} takes every type instead of a sample.
 */
class AmdgcnTest {
    private static final List<String> CLANGS = List.of("clang-15", "clang-14", "clang-16", "clang");
    private static final Path LIBRARY = Path.of("/usr/lib/x86_64-linux-gnu/amdgcn/bitcode");
    /** Kernels that decode launches; tiles are for prompts. */
    private static final Pattern DECODE = Pattern.compile("matvec\\d\\w*|transposed1|embed|attend|merge|rms_norm\\w*|"
            + "quantise|rope|swiglu|add|select_experts|route|expert_sum|cache_write|append|select_rows");
    private static final Pattern METADATA = Pattern.compile(
            "\\.name: +(\\w+)|\\.private_segment_fixed_size: (\\d+)|\\.sgpr_spill_count: (\\d+)|\\.vgpr_count: +(\\d+)"
                    + "|\\.vgpr_spill_count: (\\d+)");
    private static final List<QuantType> SAMPLE = List.of(QuantType.F16, QuantType.Q4_K, QuantType.Q5_0, QuantType.IQ2_XS);

    private static String clang;
    @TempDir
    private Path folder;

    /** A target and the tuning that its devices get. */
    private record Target(String name, Tuning tuning) {}

    private static final List<Target> TARGETS = List.of(new Target("gfx906", Tuning.AMD_WAVE64),
            new Target("gfx90a", Tuning.AMD_WAVE64), new Target("gfx1030", Tuning.AMD_WAVE32));

    @BeforeAll
    static void need() {
        String path = System.getenv("PATH");
        clang = CLANGS.stream().filter(name -> Arrays.stream(path.split(":")).anyMatch(dir -> Files.isExecutable(Path.of(dir,
                name)))).findFirst().orElse(null);
        assumeTrue(clang != null, "no clang; install clang-15");
        assumeTrue(Files.isDirectory(LIBRARY), "no device libraries in " + LIBRARY + "; install rocm-device-libs");
    }

    @TestFactory
    Stream<DynamicTest> compiles() {
        List<DynamicTest> tests = new ArrayList<>();
        boolean all = "all".equals(System.getProperty("amdgcn.types"));
        for (Target target : TARGETS) {
            Tuning tuning = target.tuning();
            for (QuantType type : all ? List.of(QuantType.values()) : SAMPLE) {
                Map<String, Integer> constants = tuning.constants();
                if (Sources.dots(type)) {
                    constants.put("INT8", 1);
                }
                add(tests, target, new Kernels(type.name(), "matmul/matmul", Optional.of(type), constants));
            }
            add(tests, target, new Kernels("rows", "rows/rows", Optional.empty(), tuning.constants()));
            add(tests, target, new Kernels("roofline", "roofline/roofline", Optional.empty(), tuning.constants()));
            Map<String, Integer> experts = new HashMap<>(tuning.constants());
            experts.put("EXPERTS", 64);
            add(tests, target, new Kernels("experts", "experts/experts", Optional.empty(), experts));
            Map<String, Integer> routing = new HashMap<>(experts);
            routing.put("SELECT_GROUP", tuning.normGroup());
            add(tests, target, new Kernels("routing", "experts/route", Optional.of(QuantType.F32), routing));
            add(tests, target,
                    new Kernels("cache write", "attention/write", Optional.empty(), Map.of("CACHE_F16", 1, "NORM_GROUP",
                            tuning.normGroup())));
            attention(tests, target, "latent attention", new AttentionShape(576, 512, 512, 16, 1, 0, tuning.attentionHeads(),
                    tuning.attentionGroup(), 1));
            attention(tests, target, "attention", new AttentionShape(128, 128, 128, 32, 8, 1024, 4, tuning.attentionGroup(), 1));
        }
        return tests.stream();
    }

    private void attention(List<DynamicTest> tests, Target target, String what, AttentionShape shape) {
        Map<String, Integer> constants = new HashMap<>(shape.constants());
        constants.put("CACHE_F16", 1);
        add(tests, target, new Kernels(what, "attention/attention", Optional.empty(), constants));
    }

    private void add(List<DynamicTest> tests, Target target, Kernels built) {
        String what = built.name();
        tests.add(dynamicTest(target.name() + " " + what, () -> {
            Map<String, int[]> kernels = compile(target.name(), Sources.of(built), Sources.defines(built));
            assertTrue(!kernels.isEmpty(), "no kernels in the output of " + clang);
            kernels.forEach((name, numbers) -> {
                System.out.printf("%-8s %-17s %-15s %3d registers, %d spilled, %d bytes of scratch%n", target.name(), what, name,
                        numbers[0], numbers[1], numbers[2]);
                if (DECODE.matcher(name).matches()) {
                    assertEquals(0, numbers[1], name + " spills registers");
                    assertEquals(0, numbers[2], name + " has arrays or calls that take memory");
                }
            });
        }));
    }

    /** Vector registers, spilled registers and scratch bytes of each kernel. */
    private Map<String, int[]> compile(String target, String source, String defines) throws IOException, InterruptedException {
        Path input = Files.writeString(folder.resolve("kernels.cl"), source);
        Path output = folder.resolve("kernels.s");
        List<String> command = new ArrayList<>(List.of(clang, "-x", "cl", "-cl-std=CL1.2", "-Xclang", "-finclude-default-header",
                "-target", "amdgcn-amd-amdhsa", "-mcpu=" + target, "-O3", "-S", "--rocm-device-lib-path=" + LIBRARY, "-o", output
                        .toString()));
        command.addAll(List.of(defines.trim().split(" ")));
        command.add(input.toString());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String log = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), log);
        Map<String, int[]> kernels = new LinkedHashMap<>();
        String text = Files.readString(output);
        Matcher matcher = METADATA.matcher(text.substring(text.indexOf("amdhsa.kernels:")));
        int scratch = 0;
        int spilled = 0;
        int registers = 0;
        String name = "";
        // Sorted by key: the kernel's name, scratch, then the counts; arguments have names too, before it.
        while (matcher.find()) {
            if (matcher.group(1) != null) {
                name = matcher.group(1);
            } else if (matcher.group(2) != null) {
                scratch = Integer.parseInt(matcher.group(2));
            } else if (matcher.group(3) != null) {
                spilled = Integer.parseInt(matcher.group(3));
            } else if (matcher.group(4) != null) {
                registers = Integer.parseInt(matcher.group(4));
            } else {
                kernels.put(name, new int[] {registers, spilled + Integer.parseInt(matcher.group(5)), scratch});
            }
        }
        return kernels;
    }
}
