package org.crema.bench;

import java.time.Duration;
import org.crema.kernels.Cache;
import org.crema.kernels.Precision;

/**
 * How to run trials.
 *
 * @param repetitions samples of each trial
 * @param warmUp a round of warming up; as many follow as make a trial faster. Zero for a single run
 * @param batch most tokens in a step
 * @param threads threads of the CPU; 0 for one per core
 * @param precision how exact
 * @param cacheType how the attention cache is kept
 */
public record Settings(int repetitions, Duration warmUp, int batch, int threads, Precision precision,
        Cache.Type cacheType) {
    /** llama-bench's defaults where it has the same setting. */
    public static final Settings DEFAULT = new Settings(5, Duration.ofSeconds(1), 512, 0, Precision.FAST,
            Cache.Type.F16);

    public Settings {
        if (repetitions < 1 || batch < 1 || threads < 0 || warmUp.isNegative()) {
            throw new IllegalArgumentException(
                    "repetitions (%d) and batch (%d) must be at least 1, threads (%d) and the warm-up at least 0"
                            .formatted(repetitions, batch, threads));
        }
    }

    public Settings withRepetitions(int count) {
        return new Settings(count, warmUp, batch, threads, precision, cacheType);
    }

    public Settings withWarmUp(Duration time) {
        return new Settings(repetitions, time, batch, threads, precision, cacheType);
    }

    public Settings withBatch(int tokens) {
        return new Settings(repetitions, warmUp, tokens, threads, precision, cacheType);
    }

    public Settings withThreads(int count) {
        return new Settings(repetitions, warmUp, batch, count, precision, cacheType);
    }

    public Settings withPrecision(Precision wanted) {
        return new Settings(repetitions, warmUp, batch, threads, wanted, cacheType);
    }

    public Settings withCacheType(Cache.Type type) {
        return new Settings(repetitions, warmUp, batch, threads, precision, type);
    }
}
