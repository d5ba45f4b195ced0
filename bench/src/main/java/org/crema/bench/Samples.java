package org.crema.bench;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Rates of one test, in tokens per second.
 *
 * @param values in the order in which they were taken
 */
public record Samples(List<Double> values) {
    public Samples {
        values = List.copyOf(values);
        if (values.isEmpty()) {
            throw new IllegalArgumentException("no samples");
        }
    }

    /** From the times of runs of so many tokens. */
    static Samples of(long tokens, List<Long> nanos) {
        return new Samples(nanos.stream().map(t -> tokens * 1e9 / t).toList());
    }

    public double mean() {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    /** The sample standard deviation, 0 for a single sample; llama-bench's formula. */
    public double deviation() {
        if (values.size() < 2) {
            return 0;
        }
        double mean = mean();
        double sum = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
        return Math.sqrt(sum / (values.size() - 1));
    }

    public double median() {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }

    public double least() {
        return Collections.min(values);
    }

    public double most() {
        return Collections.max(values);
    }
}
