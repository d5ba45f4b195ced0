package org.crema.kernels.conformance;

import java.util.List;
import org.crema.kernels.Limits;
import org.crema.kernels.Step;

/** Sequences that grow from step to step, each on pages of its own in random order. */
final class Batch {
    private final Limits limits;
    private final RandomData data;
    private final int[][] pages;
    private final int[] lengths;
    private int vocabulary = 1;

    Batch(Limits limits, RandomData data) {
        this.limits = limits;
        this.data = data;
        this.pages = new int[limits.sequences()][limits.sequencePages()];
        this.lengths = new int[limits.sequences()];
        int[] order = data.shuffled(limits.pages());
        for (int s = 0, next = 0; s < pages.length; s++) {
            for (int p = 0; p < pages[s].length && next < order.length; p++) {
                pages[s][p] = order[next++];
            }
        }
    }

    /** Limits of a step of {@code tokens} tokens without caches. */
    static Limits tokens(int tokens) {
        // Sometimes room for more than the step has.
        int most = tokens + tokens % 3;
        return new Limits(most, most, 1, 256, 4, 4);
    }

    /** Pages enough for {@code sequences} sequences of {@code context} tokens. */
    static Limits paged(int tokens, int sequences, int pageRows, int context) {
        int each = Math.ceilDiv(context, pageRows);
        return new Limits(tokens, tokens, sequences, pageRows, each * sequences + 1, each);
    }

    Batch vocabulary(int tokens) {
        vocabulary = tokens;
        return this;
    }

    /**
     * A step that adds so many tokens to each sequence, with the rows of different sequences mixed. The last token of each
     * sequence has an output, others have one by chance.
     */
    Step step(int... counts) {
        Step step = new Step(limits, data.arena());
        int[] index = new int[counts.length];
        int[] left = counts.clone();
        int all = 0;
        for (int s = 0; s < counts.length; s++) {
            index[s] = counts[s] == 0 ? -1 : step.addSequence(pages[s], pages[s].length);
            all += counts[s];
        }
        while (all > 0) {
            int s = data.below(counts.length);
            if (left[s] > 0) {
                // A few rows at a time, as a scheduler would; a lone sequence comes out in order either way.
                int run = Math.min(left[s], 1 + data.below(4));
                for (int i = 0; i < run; i++) {
                    left[s]--;
                    all--;
                    step.addToken(index[s], data.below(vocabulary), lengths[s]++, left[s] == 0 || data.below(3) == 0);
                }
            }
        }
        return step;
    }

    /** A step of one sequence with tokens at these positions. */
    Step at(List<Integer> positions) {
        Step step = new Step(limits, data.arena());
        step.addSequence(pages[0], pages[0].length);
        for (int position : positions) {
            step.addToken(0, data.below(vocabulary), position, true);
        }
        return step;
    }
}
