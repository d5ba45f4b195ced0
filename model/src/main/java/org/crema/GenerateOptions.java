package org.crema;

import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.crema.model.sampling.SamplingOptions;

/**
 * How to answer. Start from {@link #DEFAULT}: {@code GenerateOptions.DEFAULT.withMaxTokens(100).withListener(System.out::print)}.
 *
 * @param sampling how the next token is chosen
 * @param maxTokens most tokens of the answer; -1 for as many as the context holds
 * @param stop the answer ends before the first of these strings
 * @param special whether the text of control tokens in the prompt means those tokens
 * @param listener gets the answer piece by piece, on the calling thread; what it throws ends the request and reaches the caller
 * @param cancellation ends the request from another thread
 */
public record GenerateOptions(SamplingOptions sampling, int maxTokens, List<String> stop, boolean special,
        Consumer<String> listener,
        Cancellation cancellation) {
    public static final GenerateOptions DEFAULT = new GenerateOptions(SamplingOptions.defaults(), 256, List.of(), false,
            text -> {}, new Cancellation());

    public GenerateOptions {
        stop = List.copyOf(stop);
        Objects.requireNonNull(sampling);
        Objects.requireNonNull(listener);
        Objects.requireNonNull(cancellation);
        if (maxTokens < -1) {
            throw new IllegalArgumentException("maxTokens must be -1 (no limit) or more, not " + maxTokens);
        }
        if (stop.stream().anyMatch(String::isEmpty)) {
            throw new IllegalArgumentException("a stop string must not be empty");
        }
    }

    public GenerateOptions withSampling(SamplingOptions how) {
        return new GenerateOptions(how, maxTokens, stop, special, listener, cancellation);
    }

    public GenerateOptions withMaxTokens(int most) {
        return new GenerateOptions(sampling, most, stop, special, listener, cancellation);
    }

    public GenerateOptions withStop(List<String> strings) {
        return new GenerateOptions(sampling, maxTokens, strings, special, listener, cancellation);
    }

    public GenerateOptions withSpecial(boolean on) {
        return new GenerateOptions(sampling, maxTokens, stop, on, listener, cancellation);
    }

    public GenerateOptions withListener(Consumer<String> pieces) {
        return new GenerateOptions(sampling, maxTokens, stop, special, pieces, cancellation);
    }

    public GenerateOptions withCancellation(Cancellation token) {
        return new GenerateOptions(sampling, maxTokens, stop, special, listener, token);
    }
}
