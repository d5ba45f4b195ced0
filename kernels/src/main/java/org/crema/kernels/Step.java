package org.crema.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What changes from one run to the next, as one block of little 32-bit integers that a device uploads as it is:
 *
 * <pre>
 *   0  tokens T      1  outputs      2  sequences      3..7  zero
 *   8  token[limits.tokens]          id of each token of the step
 *      position[limits.tokens]       its position in its sequence, from 0
 *      sequence[limits.tokens]       which of the step's sequences it belongs to
 *      output[limits.outputs]        rows whose logits are wanted, ascending
 *      length[limits.sequences]      tokens of each sequence, this step's included
 *      page[limits.sequences][limits.sequencePages]   page of every {@link Limits#pageRows} tokens of the sequence
 * </pre>
 *
 * <p>A step may mix prompt chunks and single tokens of many sequences. The rows of one sequence are in ascending position. Not
 * thread-safe; the memory lives as long as the arena that it was made in.
 */
public final class Step {
    /** Index of the first array in the block. */
    public static final int HEADER = 8;

    private final Limits limits;
    private final MemorySegment block;
    private int tokens;
    private int outputs;
    private int sequences;

    public Step(Limits limits, Arena arena) {
        this.limits = limits;
        this.block = arena.allocate(4 * size(limits), 64);
    }

    /** Integers in the block of a step of these limits. */
    public static long size(Limits limits) {
        return pageAt(limits, 0) + (long) limits.sequences() * limits.sequencePages();
    }

    /** Index of {@code token[0]} in the block. */
    public static long tokenAt() {
        return HEADER;
    }

    /** Index of {@code position[0]} in the block. */
    public static long positionAt(Limits limits) {
        return HEADER + (long) limits.tokens();
    }

    /** Index of {@code sequence[0]} in the block. */
    public static long sequenceAt(Limits limits) {
        return HEADER + 2L * limits.tokens();
    }

    /** Index of {@code output[0]} in the block. */
    public static long outputAt(Limits limits) {
        return HEADER + 3L * limits.tokens();
    }

    /** Index of {@code length[0]} in the block. */
    public static long lengthAt(Limits limits) {
        return outputAt(limits) + limits.outputs();
    }

    /** Index of {@code page[sequence][0]} in the block. */
    public static long pageAt(Limits limits, int sequence) {
        return lengthAt(limits) + limits.sequences() + (long) sequence * limits.sequencePages();
    }

    /** Forgets all tokens, outputs and sequences. */
    public Step clear() {
        tokens = 0;
        outputs = 0;
        sequences = 0;
        return header();
    }

    /**
     * Takes over all that another step of the same limits says.
     *
     * @throws IllegalArgumentException if its limits are others
     */
    public Step set(Step other) {
        if (!other.limits.equals(limits)) {
            throw new IllegalArgumentException("a step of " + limits + " cannot take over one of " + other.limits);
        }
        block.copyFrom(other.block);
        tokens = other.tokens;
        outputs = other.outputs;
        sequences = other.sequences;
        return this;
    }

    /**
     * Adds a sequence with its pages.
     *
     * @param pages pages of the sequence; enough for every position that this step adds
     * @param count how many of them
     * @return its index in this step
     */
    public int addSequence(int[] pages, int count) {
        check("sequences", sequences + 1, limits.sequences());
        check("pages of a sequence", count, limits.sequencePages());
        for (int i = 0; i < count; i++) {
            if (pages[i] < 0 || pages[i] >= limits.pages()) {
                throw new IllegalArgumentException("page " + pages[i] + " is not one of the " + limits.pages() + " there are");
            }
            put(pageAt(limits, sequences) + i, pages[i]);
        }
        for (int i = count; i < limits.sequencePages(); i++) {
            put(pageAt(limits, sequences) + i, 0);
        }
        put(lengthAt(limits) + sequences, 0);
        sequences++;
        header();
        return sequences - 1;
    }

    /** Adds a token of a sequence of this step; {@code output} asks for its logits. */
    public void addToken(int sequence, int token, int position, boolean output) {
        check("tokens", tokens + 1, limits.tokens());
        if (sequence < 0 || sequence >= sequences) {
            throw new IllegalArgumentException("the step has no sequence " + sequence + ", only " + sequences);
        }
        check("position", position + 1, limits.context());
        if (token < 0 || position < 0) {
            throw new IllegalArgumentException("token " + token + " at position " + position + ": neither may be negative");
        }
        put(tokenAt() + tokens, token);
        put(positionAt(limits) + tokens, position);
        put(sequenceAt(limits) + tokens, sequence);
        put(lengthAt(limits) + sequence, Math.max(length(sequence), position + 1));
        if (output) {
            check("outputs", outputs + 1, limits.outputs());
            put(outputAt(limits) + outputs, tokens);
            outputs++;
        }
        tokens++;
        header();
    }

    public Limits limits() {
        return limits;
    }

    public int tokens() {
        return tokens;
    }

    public int outputs() {
        return outputs;
    }

    public int sequences() {
        return sequences;
    }

    public int token(int row) {
        return get(tokenAt() + row);
    }

    public int position(int row) {
        return get(positionAt(limits) + row);
    }

    public int sequence(int row) {
        return get(sequenceAt(limits) + row);
    }

    /** The row of the i-th wanted output. */
    public int output(int i) {
        return get(outputAt(limits) + i);
    }

    /** Tokens of a sequence, those of this step included. */
    public int length(int sequence) {
        return get(lengthAt(limits) + sequence);
    }

    /** Row in a layer's cache, over all pages, of a position of a sequence. */
    public long cacheRow(int sequence, int position) {
        int page = get(pageAt(limits, sequence) + position / limits.pageRows());
        return (long) page * limits.pageRows() + position % limits.pageRows();
    }

    /** The whole block; see the class comment for its layout. */
    public MemorySegment block() {
        return block;
    }

    private Step header() {
        put(0, tokens);
        put(1, outputs);
        put(2, sequences);
        return this;
    }

    private int get(long index) {
        return block.getAtIndex(JAVA_INT, index);
    }

    private void put(long index, int value) {
        block.setAtIndex(JAVA_INT, index, value);
    }

    private static void check(String what, int found, int most) {
        if (found > most) {
            throw new IllegalArgumentException(what + " " + found + " is over the limit of " + most);
        }
    }
}
