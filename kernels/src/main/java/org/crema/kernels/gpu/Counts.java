package org.crema.kernels.gpu;

import org.crema.kernels.Rows;
import org.crema.kernels.Step;

/** What numbers of work-groups depend on, of the step that was begun. */
public final class Counts {
    private int tokens;
    private int outputs;
    private int longest;

    /** Of no step. */
    public Counts() {}

    /** Sets the number of work-groups in each of three dimensions; one of 0 leaves the call out of the step. */
    @FunctionalInterface
    public interface Sizer {
        void groups(Counts counts, long[] groups);
    }

    /** Reads a step. */
    public void take(Step step) {
        tokens = step.tokens();
        outputs = step.outputs();
        longest = 1;
        for (int s = 0; s < step.sequences(); s++) {
            longest = Math.max(longest, step.length(s));
        }
    }

    int tokens() {
        return tokens;
    }

    /** Tokens of the longest sequence. */
    int longest() {
        return longest;
    }

    int rows(Rows rows) {
        return rows.each() * (rows.domain() == Rows.Domain.TOKENS ? tokens : outputs);
    }
}
