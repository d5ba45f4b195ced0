package org.crema;

import java.time.Duration;
import java.util.List;

/**
 * A finished answer.
 *
 * @param text the answer, without the prompt
 * @param tokens its tokens; of an answer that ended by itself without the end token
 * @param finishReason why it ended
 * @param promptTokens tokens of the prompt
 * @param cachedTokens how many of those were still in the cache from the request before
 * @param seed what to sample with to get the same answer again
 * @param promptTime time for the prompt
 * @param answerTime time for the answer
 */
public record Generation(String text, List<Integer> tokens, FinishReason finishReason, int promptTokens, int cachedTokens,
        long seed,
        Duration promptTime, Duration answerTime) {
    public Generation {
        tokens = List.copyOf(tokens);
    }

    /** Prompt tokens per second, those from the cache not counted. */
    public double promptRate() {
        return rate(promptTokens - cachedTokens, promptTime);
    }

    /** Answer tokens per second. */
    public double answerRate() {
        return rate(tokens.size(), answerTime);
    }

    private static double rate(int count, Duration time) {
        return time.isZero() ? 0 : count / (time.toNanos() / 1e9);
    }
}
