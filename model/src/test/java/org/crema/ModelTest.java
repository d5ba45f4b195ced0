package org.crema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Precision;
import org.crema.model.chat.ChatMessage;
import org.crema.model.sampling.SamplingException;
import org.crema.model.sampling.SamplingOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The public API on the embedded model. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ModelTest {
    private static final String PROMPT = "public static int gcd(int a, int b) {";
    private static final GenerateOptions GREEDY = GenerateOptions.DEFAULT.withSampling(SamplingOptions.greedy())
            .withMaxTokens(16);

    private static Model model;

    @BeforeAll
    static void load() throws IOException {
        model = Crema.tinyCoder(ModelOptions.DEFAULT.withContext(512).withPrecision(Precision.F32));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void theListenerGetsTheTextInPieces() {
        List<String> pieces = new ArrayList<>();
        Generation answer = model.generate(PROMPT, GREEDY.withListener(pieces::add));
        assertEquals(answer.text(), String.join("", pieces));
        assertTrue(pieces.size() > 3, pieces.toString());
        assertEquals(FinishReason.LENGTH, answer.finishReason());
        assertEquals(16, answer.tokens().size());
        assertTrue(answer.answerRate() > 0 && answer.promptTokens() > 5);
    }

    @Test
    void whatTwoPromptsHaveInCommonIsKept() {
        String first = model.generate(PROMPT, GREEDY).text();
        Generation again = model.generate(PROMPT, GREEDY);
        assertEquals(first, again.text());
        assertEquals(again.promptTokens() - 1, again.cachedTokens());
        Generation other = model.generate("class Stack<T> {", GREEDY);
        assertTrue(other.cachedTokens() <= 1, "only the begin token is the same");
        assertEquals(first, model.generate(PROMPT, GREEDY).text());
    }

    /** The device finds the best tokens; with a bias, of nothing here, it gives logits. */
    @Test
    void greedyTextIsThatOfTheLogits() {
        GenerateOptions logits = GREEDY.withSampling(SamplingOptions.greedy().withLogitBias(Map.of(0, 0f)));
        assertEquals(model.generate(PROMPT, logits).tokens(), model.generate(PROMPT, GREEDY).tokens());
    }

    @Test
    void theSameSeedGivesTheSameText() {
        GenerateOptions drawn = GREEDY.withSampling(SamplingOptions.defaults().withTemperature(1.2f));
        Generation answer = model.generate(PROMPT, drawn);
        GenerateOptions repeated = drawn.withSampling(drawn.sampling().withSeed(answer.seed()));
        assertEquals(model.generate(PROMPT, repeated).text(), model.generate(PROMPT, repeated).text());
    }

    @Test
    void aFullContextEndsTheAnswerAndATooLongPromptIsRefused() {
        int[] tokens = new int[500];
        java.util.Arrays.fill(tokens, 95);
        GenerateOptions endless = GREEDY.withMaxTokens(-1)
                .withSampling(SamplingOptions.greedy().withLogitBias(Map.of(100, 1000f)));
        Generation answer = model.generate(tokens, endless);
        assertEquals(FinishReason.LENGTH, answer.finishReason());
        assertEquals(512 - 500 + 1, answer.tokens().size());
        assertTrue(assertThrows(ContextException.class, () -> model.generate(new int[512], GREEDY)).getMessage().contains("512"));
        assertThrows(IllegalArgumentException.class, () -> model.generate(new int[0], GREEDY));
        assertThrows(IllegalArgumentException.class, () -> model.generate(new int[] {4096}, GREEDY));
    }

    @Test
    void aRequestCanBeCancelled() {
        Cancellation cancellation = new Cancellation();
        Generation answer = model.generate(PROMPT,
                GREEDY.withMaxTokens(-1).withCancellation(cancellation).withListener(piece -> cancellation
                        .cancel()));
        assertEquals(FinishReason.CANCELLED, answer.finishReason());
        assertTrue(answer.tokens().size() < 20);
        assertEquals(FinishReason.CANCELLED, model.generate("int x", GREEDY.withCancellation(cancellation)).finishReason());
    }

    @Test
    void aFailedRequestLeavesTheModelUsable() {
        String before = model.generate(PROMPT, GREEDY).text();
        assertThrows(IllegalStateException.class, () -> model.generate(PROMPT, GREEDY.withListener(piece -> {
            throw new IllegalStateException("the listener had enough");
        })));
        Map<Integer, Float> none = new java.util.HashMap<>();
        for (int id = 0; id < 4096; id++) {
            none.put(id, Float.NEGATIVE_INFINITY);
        }
        assertThrows(SamplingException.class,
                () -> model.generate(PROMPT, GREEDY.withSampling(SamplingOptions.greedy().withLogitBias(none))));
        assertEquals(before, model.generate(PROMPT, GREEDY).text());
    }

    @Test
    void requestsOfSeveralThreadsDoNotMix() throws Exception {
        List<String> prompts = List.of(PROMPT, "class Stack<T> {", "/** Returns", "import java.util.");
        List<String> expected = prompts.stream().map(prompt -> model.generate(prompt, GREEDY).text()).toList();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<String>> answers = new ArrayList<>();
            for (int round = 0; round < 2; round++) {
                for (String prompt : prompts) {
                    answers.add(threads.submit(() -> model.generate(prompt, GREEDY).text()));
                }
            }
            for (int i = 0; i < answers.size(); i++) {
                assertEquals(expected.get(i % prompts.size()), answers.get(i).get());
            }
        }
    }

    @Test
    void chatUsesTheBuiltInFormWithoutASpaceAtTheEnd() {
        assertTrue(model.chatPrompt(List.of(ChatMessage.user("Hi"))).endsWith("User: Hi\n\nAssistant:"));
        assertEquals(16, model
                .chat(List.of(ChatMessage.user("Hi")), GREEDY.withSampling(GREEDY.sampling().withLogitBias(Map.of(100, 1000f))))
                .tokens().size());
    }

    @Test
    void fillInUsesTheThreeTokens() {
        Generation answer = model.fillIn("int sum(int[] xs) {\n    int sum = 0;\n", "\n    return sum;\n}", GREEDY);
        assertTrue(answer.tokens().size() > 0);
    }

    @Test
    void aModelThatDoesNotFitIsRefusedWithNumbers() {
        DeviceException.OutOfMemory e = assertThrows(DeviceException.OutOfMemory.class, () -> Crema.tinyCoder(ModelOptions.DEFAULT
                .withMemoryLimit(1 << 20)).close());
        assertTrue(e.need() > e.have() && e.getMessage().contains("smaller context"), e.getMessage());
        assertThrows(DeviceException.class, () -> Crema.tinyCoder(ModelOptions.DEFAULT.withDevice("abacus")).close());
    }

    @Test
    void aClosedModelSaysSo() throws IOException {
        Model closed = Crema.tinyCoder(ModelOptions.DEFAULT.withContext(256));
        closed.close();
        closed.close();
        assertThrows(IllegalStateException.class, () -> closed.generate(PROMPT, GREEDY));
    }
}
