package org.crema.model.sampling;

import java.util.Map;
import java.util.OptionalLong;

/**
 * How the next token is chosen; names and meanings as in llama.cpp, whose chain this follows: logit bias, penalties, top-k, top-p,
 * min-p, temperature, then a draw.
 *
 * @param temperature logits are divided by it; 0 takes the likeliest token
 * @param topK keep only so many of the likeliest tokens; 0 for all
 * @param topP keep the fewest likeliest tokens whose probabilities sum to at least this; 1 for all
 * @param minP keep tokens of at least this times the likeliest one's probability; 0 for all
 * @param repeatPenalty positive logits of tokens in the window are divided by it, others multiplied; 1 for none
 * @param repeatLastN tokens in the window of the three penalties; 0 for none, -1 for all
 * @param presencePenalty taken off the logit of every token in the window
 * @param frequencyPenalty taken off it once for each time that the token is in the window
 * @param logitBias added to the logits of these tokens; negative infinity forbids one
 * @param seed of the draw; absent for another one each time
 */
public record SamplingOptions(float temperature, int topK, float topP, float minP, float repeatPenalty, int repeatLastN,
        float presencePenalty, float frequencyPenalty, Map<Integer, Float> logitBias, OptionalLong seed) {
    private static final SamplingOptions DEFAULTS = new SamplingOptions(0.8f, 40, 0.95f, 0.05f, 1, 64, 0, 0, Map.of(),
            OptionalLong.empty());
    private static final SamplingOptions GREEDY = new SamplingOptions(0, 0, 1, 0, 1, 64, 0, 0, Map.of(), OptionalLong.empty());

    public SamplingOptions {
        logitBias = Map.copyOf(logitBias);
        need(temperature >= 0 && temperature <= 100, "temperature", temperature, "0 (greedy) to 100");
        need(topK >= 0, "top-k", topK, "0 (off) or more");
        need(topP > 0 && topP <= 1, "top-p", topP, "more than 0, up to 1");
        need(minP >= 0 && minP < 1, "min-p", minP, "0 to less than 1");
        need(repeatPenalty > 0 && repeatPenalty <= 100, "repeat penalty", repeatPenalty, "more than 0, up to 100");
        need(repeatLastN >= -1, "repeat last n", repeatLastN, "-1 (all), 0 (off) or more");
        need(Math.abs(presencePenalty) <= 100, "presence penalty", presencePenalty, "-100 to 100");
        need(Math.abs(frequencyPenalty) <= 100, "frequency penalty", frequencyPenalty, "-100 to 100");
        logitBias.forEach(
                (id, bias) -> need(id >= 0 && !Float.isNaN(bias) && bias < Float.POSITIVE_INFINITY, "logit bias of token " + id,
                        bias, "a token id with a number or negative infinity"));
    }

    private static void need(boolean ok, String name, Number value, String expected) {
        if (!ok) {
            throw new IllegalArgumentException(name + " is " + value + ", expected " + expected);
        }
    }

    /** llama.cpp's defaults: temperature 0.8, top-k 40, top-p 0.95, min-p 0.05. */
    public static SamplingOptions defaults() {
        return DEFAULTS;
    }

    /** Always the likeliest token. */
    public static SamplingOptions greedy() {
        return GREEDY;
    }

    public SamplingOptions withTemperature(float value) {
        return new SamplingOptions(value, topK, topP, minP, repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty,
                logitBias, seed);
    }

    public SamplingOptions withTopK(int value) {
        return new SamplingOptions(temperature, value, topP, minP, repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty,
                logitBias,
                seed);
    }

    public SamplingOptions withTopP(float value) {
        return new SamplingOptions(temperature, topK, value, minP, repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty,
                logitBias,
                seed);
    }

    public SamplingOptions withMinP(float value) {
        return new SamplingOptions(temperature, topK, topP, value, repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty,
                logitBias,
                seed);
    }

    /** The three penalties over a window of the last tokens. */
    public SamplingOptions withPenalties(int lastN, float repeat, float presence, float frequency) {
        return new SamplingOptions(temperature, topK, topP, minP, repeat, lastN, presence, frequency, logitBias, seed);
    }

    public SamplingOptions withLogitBias(Map<Integer, Float> value) {
        return new SamplingOptions(temperature, topK, topP, minP, repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty,
                value,
                seed);
    }

    public SamplingOptions withSeed(long value) {
        return new SamplingOptions(temperature, topK, topP, minP, repeatPenalty, repeatLastN, presencePenalty, frequencyPenalty,
                logitBias,
                OptionalLong.of(value));
    }
}
