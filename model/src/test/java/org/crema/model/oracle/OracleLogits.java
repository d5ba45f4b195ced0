package org.crema.model.oracle;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.Limits;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.OracleData;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.placement.Placement;
import org.crema.model.runtime.Engine;
import org.crema.model.runtime.Session;
import org.junit.jupiter.api.DynamicTest;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * The logits of every golden model on a device, against those that llama.cpp computed: from dequantised weights in F32 (the sharp
 * test), and, for fast precision, against the error that llama.cpp itself makes by quantising activations.
 */
public final class OracleLogits {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Of F32 files llama.cpp rounds nothing; an F16 cache, which its goldens did not have, costs this much at most. */
    private static final double ROUNDING = 1e-6;

    /** Positions of a long prompt that goldens have. */
    private static final int LAST = 4;

    private OracleLogits() {}

    /**
     * Tests for every golden model that is there.
     *
     * @param device opens the device under test
     * @param precision how to compile
     * @param tolerance greatest NMSE against the dequantised goldens, for {@link Precision#F32}
     * @param tokens most tokens in a step, so that prompts come in several steps
     */
    public static Stream<DynamicTest> tests(Supplier<Device> device, Precision precision, double tolerance, int tokens) {
        return tests(device, precision, tolerance, tokens, model -> true);
    }

    /**
     * Tests for some of the golden models that are there.
     *
     * @param wanted which
     */
    public static Stream<DynamicTest> tests(Supplier<Device> device, Precision precision, double tolerance, int tokens,
            Predicate<OracleModel> wanted) {
        return OracleModel.all().stream().filter(wanted).map(model -> dynamicTest(model.name() + " " + precision, () -> {
            try (Device d = device.get()) {
                check(model, d, precision, tolerance, tokens);
            }
        }));
    }

    /**
     * Tests in {@link Precision#FAST} for every golden model that is there, position by position. Where two experts are almost equal any rounding
     * may choose the other one, and that position's logits then differ by 1e-2 and more, whatever the precision (goldens of llama.cpp have
     * such positions too). So each side's worst quarter of positions does not count, and the mean of the others is
     * to be no greater than llama.cpp's; of the few positions of long prompts one and a half times that is allowed.
     *
     * @param tokens most tokens in a step
     */
    public static Stream<DynamicTest> comparedWithPeer(Supplier<Device> device, int tokens) {
        return OracleModel.all().stream().map(model -> dynamicTest(model.name(), () -> {
            try (Device d = device.get()) {
                prompts(model, d, Precision.FAST, tokens, (actual, golden, from) -> compare(model.name(), from, actual, golden,
                        from == 0 ? model.promptTokens().length : LAST));
            }
        }));
    }

    /** What logits are compared with, from a position on. */
    private interface Comparison {
        void with(float[] actual, OracleModel.Golden golden, int from);
    }

    /** All logits of the prompt, and the last of the long one if there is one. */
    private static void prompts(OracleModel model, Device device, Precision precision, int tokens, Comparison compare)
            throws IOException {
        try (GgufFile file = GgufFile.open(model.file())) {
            compare.with(logits(file, device, precision, tokens, model.promptTokens(), 0), model.golden(""), 0);
            if (!model.longPrompt().isEmpty()) {
                int from = model.longTokens().length - LAST;
                compare.with(logits(file, device, precision, tokens, model.longTokens(), from), model.golden(".long"), from);
            }
        }
    }

    private static void compare(String name, int from, float[] actual, OracleModel.Golden golden, int positions) {
        double most = positions == LAST ? 1.5 : 1;
        double ours = typical(actual, golden.exact(), positions);
        double bound = Math.max(ROUNDING, most * typical(golden.peer(), golden.exact(), positions));
        System.out.printf("%s FAST from position %d: NMSE %.2e, of all positions %.2e (bound %.2e)%n", name, from, ours,
                OracleData.nmse(actual, golden.exact()), bound);
        assertTrue(ours <= bound,
                () -> name + " from position " + from + ": NMSE " + ours + " without the worst positions, at most " + bound);
    }

    /** The mean NMSE of all positions but the worst quarter. */
    private static double typical(float[] actual, float[] exact, int positions) {
        int columns = exact.length / positions;
        return IntStream.range(0, positions).mapToDouble(position -> {
            int from = position * columns;
            return OracleData.nmse(Arrays.copyOfRange(actual, from, from + columns),
                    Arrays.copyOfRange(exact, from, from + columns));
        }).sorted().limit(positions - positions / 4).average().orElseThrow();
    }

    /**
     * Compares the logits of one model.
     *
     * @throws AssertionError if they are further from the goldens than is allowed
     */
    static void check(OracleModel model, Device device, Precision precision, double tolerance, int tokens) throws IOException {
        prompts(model, device, precision, tokens, (actual, golden, from) -> check(model, actual, golden, precision, tolerance,
                from));
    }

    private static void check(OracleModel model, float[] actual, OracleModel.Golden golden, Precision precision, double tolerance,
            int position) {
        double error = OracleData.nmse(actual, golden.exact());
        double bound = precision == Precision.F32
                ? tolerance
                : Math.max(ROUNDING, 1.5 * OracleData.nmse(golden.peer(), golden.exact()));
        System.out.printf("%s %s from position %d: NMSE %.2e (bound %.2e)%n", model.name(), precision, position, error, bound);
        assertTrue(error <= bound, () -> model.name() + " from position " + position + ": NMSE " + error + ", at most " + bound);
    }

    /** Logits of the positions from {@code from} on. */
    public static float[] logits(GgufFile file, Device device, Precision precision, int tokens, int[] prompt, int from) {
        ModelGraph graph = Architecture.of(file, ArchitectureOptions.DEFAULT);
        return logits(Placement.single(graph, device), precision, tokens, prompt, from);
    }

    /** Logits of the positions from {@code from} on, of a model that is placed on one or several devices. */
    public static float[] logits(Placement placement, Precision precision, int tokens, int[] prompt, int from) {
        Cache.Type cache = precision == Precision.F32 ? Cache.Type.F32 : Cache.Type.F16;
        Limits limits = new Limits(tokens, Math.min(tokens, 16), 1, 32, Math.ceilDiv(prompt.length, 32),
                Math.ceilDiv(prompt.length, 32));
        try (Engine engine = new Engine(placement,
                new CompileOptions(precision, cache, limits).withStreamed(placement.streamedWeights()));
                Session session = new Session(engine)) {
            int vocabulary = placement.graph().vocabulary();
            float[] all = new float[(prompt.length - from) * vocabulary];
            session.append(prompt, 0, from, Session.Wanted.NONE, (position, row) -> {
                throw new AssertionError("no logits were wanted");
            });
            session.append(prompt, from, prompt.length, Session.Wanted.ALL,
                    (position, row) -> System.arraycopy(row, 0, all, (position
                            - from) * vocabulary, vocabulary));
            return all;
        }
    }

    /** A golden model with its prompts. */
    public record OracleModel(String name, Path file, List<Integer> prompt, List<Integer> longPrompt, String goldens) {
        /** Exact logits, and those of llama.cpp with its quantised activations. */
        @SuppressWarnings("ArrayRecordComponent")
        public record Golden(float[] exact, float[] peer) {}

        /** All that are here; of a set the first shard. */
        public static List<OracleModel> all() {
            List<OracleModel> models = new ArrayList<>();
            for (Path root : OracleData.roots()) {
                Path folder = root.resolve("models");
                if (!Files.isDirectory(folder)) {
                    continue;
                }
                try (Stream<Path> files = Files.list(folder)) {
                    for (Path file : files.filter(f -> f.toString().endsWith(".gguf")).sorted().toList()) {
                        String name = file.getFileName().toString().replace(".gguf", "");
                        if (!name.matches(".*-0000[2-9]-of-.*")) {
                            models.add(of(folder, name, file));
                        }
                    }
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
            if (models.isEmpty()) {
                throw new IllegalStateException("no golden models in " + OracleData.roots());
            }
            return models;
        }

        private static OracleModel of(Path folder, String name, Path file) throws IOException {
            String base = name.replaceAll("-split-.*", "");
            JsonNode json = JSON.readTree(Files.readString(folder.resolve(base + ".json")));
            String goldens = json.has("expected_logits")
                    ? json.get("expected_logits").asString().replaceAll("\\.dequant.*", "")
                    : base;
            List<Integer> longPrompt = List.of();
            if (Files.exists(folder.resolve(goldens + ".long.dequant.logits.f32"))) {
                String kind = goldens.startsWith("v3") ? "v3" : goldens.startsWith("v2-lite") ? "v2-lite" : "v2-full";
                longPrompt = ints(JSON.readTree(Files.readString(folder.resolve(kind + ".long.tokens.json"))));
            }
            return new OracleModel(name, file, ints(json.get("tokens")), longPrompt, goldens);
        }

        private static List<Integer> ints(JsonNode array) {
            List<Integer> values = new ArrayList<>();
            array.forEach(value -> values.add(value.asInt()));
            return values;
        }

        public int[] promptTokens() {
            return prompt.stream().mapToInt(Integer::intValue).toArray();
        }

        public int[] longTokens() {
            return longPrompt.stream().mapToInt(Integer::intValue).toArray();
        }

        /** Goldens of the short prompt (""), or of the long one (".long"). */
        public Golden golden(String which) {
            Path folder = file.getParent();
            return new Golden(OracleData.f32(folder.resolve(goldens + which + ".dequant.logits.f32")),
                    OracleData.f32(folder.resolve(goldens
                            + which + ".logits.f32")));
        }
    }
}
