package org.crema.model.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.crema.Crema;
import org.crema.GenerateOptions;
import org.crema.Generation;
import org.crema.Model;
import org.crema.ModelOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.OracleData;
import org.crema.model.sampling.SamplingOptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The tiny-coder models: greedy text and logits are those of an independent program. All files where they are, always the embedded one. */
class TinyCoderTest {
    private static final String EMBEDDED = "tiny-coder-Q4_K_M";

    /** Goldens of the whole folder, or of the embedded model from the test resources. */
    private static Path goldens() {
        String models = System.getProperty("models", "");
        if (!models.isEmpty()) {
            return Path.of(models, "golden");
        }
        try {
            return Path.of(TinyCoderTest.class.getResource("/oracle/tiny-coder/golden.json").toURI()).getParent();
        } catch (java.net.URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @TestFactory
    Stream<DynamicTest> greedyTextAndLogits() throws IOException {
        JsonNode golden = new ObjectMapper().readTree(Files.readString(goldens().resolve("golden.json")));
        List<DynamicTest> tests = new ArrayList<>();
        for (var entry : golden.get("files").properties()) {
            String name = entry.getKey();
            Path file = Path.of(System.getProperty("models", ""), name + ".gguf");
            if (name.equals(EMBEDDED) || Files.exists(file)) {
                tests.add(dynamicTest(name, () -> check(golden, name, entry.getValue(), file)));
            }
        }
        assertTrue(!tests.isEmpty());
        return tests.stream();
    }

    private static void check(JsonNode golden, String name, JsonNode expected, Path file) throws IOException {
        ModelOptions options = ModelOptions.DEFAULT.withPrecision(Precision.F32).withContext(1024);
        try (Model model = Files.exists(file) ? Crema.load(file, options) : Crema.tinyCoder(options)) {
            int[] prompt = ints(golden.get("tokens"));
            assertEquals(list(prompt), list(model.tokenizer().encode(golden.get("prompt").asString(), true, false)),
                    "tokens of the prompt");
            GenerateOptions greedy = GenerateOptions.DEFAULT.withSampling(SamplingOptions.greedy()).withMaxTokens(48);
            Generation answer = model.generate(prompt, greedy);
            assertEquals(list(ints(expected.get("greedy_tokens"))), answer.tokens());
            assertEquals(expected.get("greedy_text").asString(), answer.text());
            checkLogits(model, prompt, 0, goldens().resolve(name + ".logits.f32"));
            int[] longTokens = ints(golden.get("long_tokens"));
            checkLogits(model, longTokens, longTokens.length - 4, goldens().resolve(name + ".long.logits.f32"));
        }
    }

    private static void checkLogits(Model model, int[] tokens, int from, Path goldenLogits) {
        float[] expected = OracleData.f32(goldenLogits);
        float[] actual = new float[expected.length];
        int vocabulary = model.graph().vocabulary();
        model.logits(tokens, (position, logits) -> {
            if (position >= from) {
                System.arraycopy(logits, 0, actual, (position - from) * vocabulary, vocabulary);
            }
        });
        double error = OracleData.nmse(actual, expected);
        System.out.printf("%s: NMSE %.2e%n", goldenLogits.getFileName(), error);
        assertTrue(error <= 1e-4, goldenLogits + ": NMSE " + error);
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    private static List<Integer> list(int[] values) {
        return IntStream.of(values).boxed().toList();
    }
}
