package org.crema.kernels;

import java.util.function.LongConsumer;

/**
 * How to compile.
 *
 * @param precision how exact
 * @param cacheType how cache rows are kept
 * @param limits the largest step
 * @param guardBytes gap around every slot, filled with a pattern that {@link Executable#damage} checks; 0 outside of tests
 * @param progress is told the bytes of each weight as it becomes ready
 * @param profile whether to take the time of each piece, for {@link Executable#timings}; steps become slower
 */
public record CompileOptions(Precision precision, Cache.Type cacheType, Limits limits, int guardBytes, LongConsumer progress,
        boolean profile) {
    public CompileOptions(Precision precision, Cache.Type cacheType, Limits limits) {
        this(precision, cacheType, limits, 0, bytes -> {}, false);
    }

    public CompileOptions withGuards(int bytes) {
        return new CompileOptions(precision, cacheType, limits, bytes, progress, profile);
    }

    public CompileOptions withProgress(LongConsumer listener) {
        return new CompileOptions(precision, cacheType, limits, guardBytes, listener, profile);
    }

    public CompileOptions withProfile() {
        return new CompileOptions(precision, cacheType, limits, guardBytes, progress, true);
    }
}
