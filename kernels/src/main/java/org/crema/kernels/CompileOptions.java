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
 */
public record CompileOptions(Precision precision, Cache.Type cacheType, Limits limits, int guardBytes, LongConsumer progress) {
    public CompileOptions(Precision precision, Cache.Type cacheType, Limits limits) {
        this(precision, cacheType, limits, 0, bytes -> {});
    }

    public CompileOptions withGuards(int bytes) {
        return new CompileOptions(precision, cacheType, limits, bytes, progress);
    }

    public CompileOptions withProgress(LongConsumer listener) {
        return new CompileOptions(precision, cacheType, limits, guardBytes, listener);
    }
}
