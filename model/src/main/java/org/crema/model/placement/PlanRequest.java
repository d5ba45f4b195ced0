package org.crema.model.placement;

import java.util.function.LongConsumer;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Limits;
import org.crema.kernels.Precision;

/**
 * Sizes to plan for.
 *
 * @param context most tokens of a prompt and its answer; 0 for the largest up to {@link #LARGEST_DEFAULT_CONTEXT} that fits
 * @param batch most prompt tokens in one step
 * @param precision how exact
 * @param cacheType how the attention cache is kept
 * @param progress is told bytes of weights as they become ready
 */
public record PlanRequest(int context, int batch, Precision precision, Cache.Type cacheType, LongConsumer progress) {
    /** Rows whose logits one step can give; also the most tokens per step where all logits are wanted. */
    private static final int OUTPUTS = 32;
    /** Never the trained context: DeepSeek-Coder-V2's 163,840 tokens would take more memory than the user thinks of. */
    public static final int LARGEST_DEFAULT_CONTEXT = 8192;
    static final int SMALLEST_CONTEXT = 256;

    /** The options to compile with, for a context. */
    CompileOptions compile(int tokens) {
        int step = Math.min(batch, tokens);
        return new CompileOptions(precision, cacheType, Limits.single(tokens, step, Math.min(OUTPUTS, step)))
                .withProgress(progress);
    }

    /** The context to begin with. */
    int firstContext(int trained) {
        return context > 0 ? context : Math.min(trained, LARGEST_DEFAULT_CONTEXT);
    }

    /** The next smaller context; 0 if there is none, or the user has fixed it. */
    int below(int tokens) {
        return context > 0 || tokens <= SMALLEST_CONTEXT ? 0 : Math.max(SMALLEST_CONTEXT, tokens / 2);
    }
}
