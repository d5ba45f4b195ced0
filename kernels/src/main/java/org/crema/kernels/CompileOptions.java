package org.crema.kernels;

import java.util.Set;
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
 * @param streamed tensors that a device does not keep: it brings them into memory that all of them share each time a part runs that
 *     reads them. Devices that use tensors where they are mapped do so with these, too
 */
public record CompileOptions(Precision precision, Cache.Type cacheType, Limits limits, int guardBytes, LongConsumer progress,
        boolean profile, Set<Weight> streamed) {
    public CompileOptions {
        streamed = Set.copyOf(streamed);
    }

    public CompileOptions(Precision precision, Cache.Type cacheType, Limits limits) {
        this(precision, cacheType, limits, 0, bytes -> {}, false, Set.of());
    }

    public CompileOptions withGuards(int bytes) {
        return new CompileOptions(precision, cacheType, limits, bytes, progress, profile, streamed);
    }

    public CompileOptions withProgress(LongConsumer listener) {
        return new CompileOptions(precision, cacheType, limits, guardBytes, listener, profile, streamed);
    }

    public CompileOptions withProfile() {
        return new CompileOptions(precision, cacheType, limits, guardBytes, progress, true, streamed);
    }

    public CompileOptions withStreamed(Set<Weight> weights) {
        return new CompileOptions(precision, cacheType, limits, guardBytes, progress, profile, weights);
    }
}
