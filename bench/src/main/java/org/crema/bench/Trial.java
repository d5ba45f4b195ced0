package org.crema.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * What is timed. Tokens are counted per stream; all streams run side by side in the same steps.
 *
 * @param prompt tokens of prompt that are read, in steps of the batch size
 * @param generate tokens that are generated after them, one by one
 * @param depth tokens that are in the cache before; not timed
 * @param streams sequences side by side
 */
public record Trial(int prompt, int generate, int depth, int streams) {
    private static final int LARGEST = 1 << 24;
    private static final int SWEEP_STREAMS = 64;
    private static final int SWEEP_TOKENS = 16;
    private static final int SWEEP_LEAST_DEPTH = 512;
    private static final int SWEEP_DEPTH = 8192;

    /** @throws IllegalArgumentException if nothing would be timed, or a number is out of range */
    public Trial {
        range("prompt tokens", prompt, 0, LARGEST);
        range("generated tokens", generate, 0, LARGEST);
        range("depth", depth, 0, LARGEST);
        range("streams", streams, 1, 4096);
        if (prompt + generate == 0) {
            throw new IllegalArgumentException("a test needs prompt tokens or generated tokens; give -p or -n a number above 0");
        }
    }

    private static void range(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(what + " must be " + least + " to " + most + ", not " + value);
        }
    }

    /**
     * All combinations, as llama-bench makes them: reading each prompt, generating each answer, each pair of both; each at every
     * depth and with every number of streams. Zeros among prompts and answers leave those tests out.
     *
     * @param pairs prompt and answer, two numbers each
     */
    public static List<Trial> all(List<Integer> prompts, List<Integer> generates, List<int[]> pairs, List<Integer> depths,
            List<Integer> streams) {
        List<Trial> all = new ArrayList<>();
        for (int count : streams) {
            for (int depth : depths) {
                prompts.stream().filter(p -> p != 0).forEach(p -> all.add(new Trial(p, 0, depth, count)));
                generates.stream().filter(n -> n != 0).forEach(n -> all.add(new Trial(0, n, depth, count)));
                pairs.forEach(pair -> all.add(new Trial(pair[0], pair[1], depth, count)));
            }
        }
        return all;
    }

    /** Answers of 1 to 64 streams side by side, for throughput, then one far into its context, for attention. */
    public static List<Trial> sweep() {
        List<Trial> sweep = new ArrayList<>();
        for (int streams = 1; streams <= SWEEP_STREAMS; streams *= 2) {
            sweep.add(new Trial(0, SWEEP_TOKENS, 0, streams));
        }
        for (int depth = SWEEP_LEAST_DEPTH; depth <= SWEEP_DEPTH; depth *= 2) {
            sweep.add(new Trial(0, SWEEP_TOKENS, depth, 1));
        }
        return sweep;
    }

    /** About one part of so many of what is timed, at least a token. */
    Trial part(int parts) {
        int part = Math.ceilDiv(prompt, parts);
        return new Trial(part, part == 0 ? Math.ceilDiv(generate, parts) : generate / parts, depth, streams);
    }

    /** As llama-bench names it: {@code pp512}, {@code tg128 @ d4096}; with several streams {@code tg32 x 8}. */
    public String label() {
        StringBuilder label = new StringBuilder();
        if (prompt > 0) {
            label.append("pp").append(prompt);
        }
        if (generate > 0) {
            label.append(prompt > 0 ? "+tg" : "tg").append(generate);
        }
        if (depth > 0) {
            label.append(" @ d").append(depth);
        }
        if (streams > 1) {
            label.append(" x ").append(streams);
        }
        return label.toString();
    }

    /** Tokens of one stream in the cache when all is done. */
    public int context() {
        return depth + prompt + generate;
    }

    /** Tokens that are timed, of all streams. */
    public long tokens() {
        return (long) streams * (prompt + generate);
    }
}
