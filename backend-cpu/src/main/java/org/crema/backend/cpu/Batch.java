package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import org.crema.kernels.Limits;
import org.crema.kernels.Rows;
import org.crema.kernels.Step;

/** A step, taken apart into arrays that are made once. */
final class Batch {
    private final Limits limits;
    final int[] token;
    final int[] position;
    final int[] sequence;
    final int[] output;
    private final int[] page;
    int tokens;
    int outputs;
    int sequences;
    private long number;

    Batch(Limits limits) {
        this.limits = limits;
        token = new int[limits.tokens()];
        position = new int[limits.tokens()];
        sequence = new int[limits.tokens()];
        output = new int[limits.outputs()];
        page = new int[Math.multiplyExact(limits.sequences(), limits.sequencePages())];
    }

    /**
     * Copies a step.
     *
     * @throws IllegalArgumentException if the step is of other limits, or names memory that is not there
     */
    void take(Step step) {
        if (!step.limits().equals(limits)) {
            throw new IllegalArgumentException("a step of " + step.limits() + " does not fit an executable of " + limits);
        }
        number++;
        tokens = step.tokens();
        outputs = step.outputs();
        sequences = step.sequences();
        MemorySegment block = step.block();
        copy(block, Step.tokenAt(), token, 0, tokens);
        copy(block, Step.positionAt(limits), position, 0, tokens);
        copy(block, Step.sequenceAt(limits), sequence, 0, tokens);
        copy(block, Step.outputAt(limits), output, 0, outputs);
        copy(block, Step.pageAt(limits, 0), page, 0, sequences * limits.sequencePages());
        for (int t = 0; t < tokens; t++) {
            if (position[t] < 0 || position[t] >= limits.context() || sequence[t] < 0 || sequence[t] >= sequences) {
                throw new IllegalArgumentException(
                        "token %d of the step has position %d of sequence %d; there are %d positions in %d"
                                .formatted(t, position[t], sequence[t], limits.context(), sequences) + " sequences");
            }
        }
        for (int i = 0; i < sequences * limits.sequencePages(); i++) {
            if (page[i] < 0 || page[i] >= limits.pages()) {
                throw new IllegalArgumentException("page " + page[i] + " is not one of the " + limits.pages() + " there are");
            }
        }
        for (int i = 0; i < outputs; i++) {
            if (output[i] < 0 || output[i] >= tokens) {
                throw new IllegalArgumentException("output row " + output[i] + " is not one of the step's " + tokens);
            }
        }
    }

    private static void copy(MemorySegment block, long from, int[] to, int at, int count) {
        MemorySegment.copy(block, JAVA_INT, 4 * from, to, at, count);
    }

    /** Tells one step from the next. */
    long number() {
        return number;
    }

    /** The rows of a slot in this step. */
    int rows(Rows rows) {
        return rows.each() * (rows.domain() == Rows.Domain.TOKENS ? tokens : outputs);
    }

    /** Rows of a cache page. */
    int pageRows() {
        return limits.pageRows();
    }

    /** Row in a layer's cache, over all pages, of a position of a sequence. */
    long cacheRow(int sequenceIndex, int at) {
        int in = page[sequenceIndex * limits.sequencePages() + at / limits.pageRows()];
        return (long) in * limits.pageRows() + at % limits.pageRows();
    }
}
