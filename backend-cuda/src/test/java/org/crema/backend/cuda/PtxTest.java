package org.crema.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompileResult;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * The PTX of the jar: drivers from CUDA 12.0 on compile it, as that version's compiler shows, which JCuda brings along; and it is
 * what the sources say, where there is nvcc. {@code -Dptx=all} compiles every unit for every architecture, and makes the PTX of all
 * types again; else each is compiled for two architectures in turns, and a sample of types made again, all of them with
 * {@code CI=true}.
 */
class PtxTest {
    private static final List<Integer> ARCHITECTURES = List.of(75, 80, 86, 89, 90);
    private static final boolean ALL = "all".equals(System.getProperty("ptx"));
    private static final String MATMUL = "matmul_";
    private static final Pattern TYPED = Pattern.compile("(?:matmul|tiles|route)_(\\w+)_sm\\d+\\.ptx\\.gz");
    private static final List<String> SAMPLE = List.of("F16", "Q4_K", "IQ2_XS");
    private static final Pattern NAME = Pattern.compile("(\\w+)_sm(\\d+)\\.ptx\\.gz");
    /** CUDA 13 is what the text was made with; another version words it differently. */
    private static final Pattern NVCC = Pattern.compile("release 13\\.");

    private static Path folder() throws URISyntaxException {
        return Path.of(PtxTest.class.getResource("ptx").toURI());
    }

    /** Of each unit, the targets that there is PTX for. */
    private static Map<String, List<Integer>> units() throws IOException, URISyntaxException {
        Map<String, List<Integer>> units = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder())) {
            for (Path file : files.sorted().toList()) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                assertTrue(name.matches(), "no PTX: " + file);
                units.computeIfAbsent(name.group(1), unit -> new ArrayList<>()).add(Integer.valueOf(name.group(2)));
            }
        }
        return units;
    }

    @TestFactory
    Stream<DynamicTest> compiles() throws IOException, URISyntaxException {
        System.setProperty("uniqueLibraryNames", "true");
        List<DynamicTest> tests = new ArrayList<>();
        int turn = 0;
        for (Map.Entry<String, List<Integer>> unit : units().entrySet()) {
            turn++;
            for (int architecture : ARCHITECTURES) {
                int place = ARCHITECTURES.indexOf(architecture);
                if (ALL || place == turn % ARCHITECTURES.size() || place == (turn + 2) % ARCHITECTURES.size()) {
                    int target = unit.getValue().stream().filter(t -> t <= architecture).max(Integer::compare).orElseThrow();
                    tests.add(dynamicTest(unit.getKey() + " for sm_" + architecture, () -> compile(unit.getKey() + "_sm" + target
                            + ".ptx.gz", architecture)));
                }
            }
        }
        return tests.stream();
    }

    private static void compile(String resource, int architecture) {
        byte[] text = Modules.text("ptx/" + resource);
        byte[] terminated = Arrays.copyOf(text, text.length + 1);
        nvPTXCompilerHandle handle = new nvPTXCompilerHandle();
        assertEquals(0, JNvPTXCompiler.nvPTXCompilerCreate(handle, text.length, terminated));
        try {
            String[] options = {"--gpu-name=sm_" + architecture, "--opt-level=0"};
            int result = JNvPTXCompiler.nvPTXCompilerCompile(handle, options.length, options);
            assertEquals(0, result, () -> nvPTXCompileResult.stringFor(result) + ": " + log(handle));
        } finally {
            JNvPTXCompiler.nvPTXCompilerDestroy(handle);
        }
    }

    private static String log(nvPTXCompilerHandle handle) {
        long[] bytes = new long[1];
        JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(handle, bytes);
        byte[] log = new byte[(int) bytes[0] + 1];
        JNvPTXCompiler.nvPTXCompilerGetErrorLog(handle, log);
        return new String(log, StandardCharsets.UTF_8).replace("\0", "").strip();
    }

    @Test
    void everyTypeHasKernels() throws IOException, URISyntaxException {
        List<String> types = units().keySet().stream().filter(unit -> unit.startsWith(MATMUL)).map(unit -> unit.substring(
                MATMUL.length())).toList();
        assertEquals(Stream.of(QuantType.values()).map(QuantType::name).sorted().toList(), types);
    }

    /** The kernels are compiled for what the host counts with. */
    @Test
    void tuning() throws IOException {
        Map<String, Integer> defined = new TreeMap<>();
        String header = new String(PtxTest.class.getResourceAsStream("/org/crema/kernels/device/tuning.cuh").readAllBytes(),
                StandardCharsets.UTF_8);
        Matcher define = Pattern.compile("(?m)^#define (\\w+) (\\d+)$").matcher(header);
        while (define.find()) {
            defined.put(define.group(1), Integer.valueOf(define.group(2)));
        }
        Map<String, Integer> expected = new TreeMap<>(CudaBackend.TUNING.constants());
        expected.put("WARP", CudaBackend.TUNING.wave());
        expected.put("ROW_GROUP", CudaBackend.TUNING.rowGroup());
        expected.put("ATTENTION_GROUP", CudaBackend.TUNING.attentionGroup());
        expected.put("ATTENTION_HEADS", CudaBackend.TUNING.attentionHeads());
        assertEquals(expected, defined);
    }

    @Test
    void isWhatTheSourcesSay(@TempDir Path scratch) throws IOException, InterruptedException, URISyntaxException {
        assumeTrue(nvcc(), "no nvcc of CUDA 13");
        List<String> command = new ArrayList<>();
        command.add(Path.of("..", "scripts", "cuda-ptx").toAbsolutePath().normalize().toString());
        command.add(scratch.toString());
        boolean all = ALL || "true".equals(System.getenv("CI"));
        if (!all) {
            command.addAll(SAMPLE);
        }
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), log);
        List<String> expected = names(folder()).stream().filter(name -> all || inSample(name)).toList();
        assertEquals(expected, names(scratch), "run scripts/cuda-ptx and commit what it writes");
        for (String name : names(scratch)) {
            assertArrayEquals(Files.readAllBytes(folder().resolve(name)), Files.readAllBytes(scratch.resolve(name)), name
                    + " is not what the sources say: run scripts/cuda-ptx and commit what it writes");
        }
    }

    private static boolean inSample(String name) {
        Matcher typed = TYPED.matcher(name);
        return !typed.matches() || SAMPLE.contains(typed.group(1));
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().collect(Collectors.toList());
        }
    }

    private static boolean nvcc() throws IOException, InterruptedException {
        try {
            Process process = new ProcessBuilder("nvcc", "--version").redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.waitFor() == 0 && NVCC.matcher(said).find();
        } catch (IOException absent) {
            return false;
        }
    }
}
