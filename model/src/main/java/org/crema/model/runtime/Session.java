package org.crema.model.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.crema.kernels.Limits;
import org.crema.kernels.Step;

/**
 * One sequence on an engine: feeds tokens in steps of the engine's batch and remembers which are in the cache. One thread at a time.
 */
public final class Session implements AutoCloseable {
    private final Engine engine;
    private final Limits limits;
    private final int context;
    private final int vocabulary;
    private final Arena arena = Arena.ofShared();
    private final Step step;
    private final MemorySegment logits;
    private final MemorySegment best;
    private final float[] row;
    private final int[] pages;
    private int[] cached = new int[256];
    private int length;

    /** Gets the logits of a position. The array is used again for the next one. */
    @FunctionalInterface
    public interface LogitsSink {
        void accept(int position, float[] logits);
    }

    /** Whose logits are wanted. */
    public enum Wanted {
        NONE,
        LAST,
        ALL
    }

    /** With as much context as the engine's cache holds. */
    public Session(Engine engine) {
        this(engine, engine.options().limits().context());
    }

    /**
     * @param context most tokens of the sequence; the cache may hold a few more, since it comes in pages
     */
    public Session(Engine engine, int context) {
        if (context < 1 || context > engine.options().limits().context()) {
            throw new IllegalArgumentException(
                    "a context of " + context + " tokens in a cache for " + engine.options().limits().context());
        }
        this.context = context;
        this.engine = engine;
        this.limits = engine.options().limits();
        this.vocabulary = engine.placement().graph().vocabulary();
        this.step = new Step(limits, arena);
        this.logits = arena.allocate(4L * limits.outputs() * vocabulary, 64);
        this.best = arena.allocate(4L * limits.outputs(), 4);
        this.row = new float[vocabulary];
        this.pages = new int[limits.sequencePages()];
        Arrays.setAll(pages, i -> i);
    }

    /** Tokens in the cache. */
    public int length() {
        return length;
    }

    /** Most tokens that the cache holds. */
    public int context() {
        return context;
    }

    /** Forgets all but the tokens that are the same as these, from the start; gives how many those are. */
    public int keepPrefix(int[] tokens, int count) {
        int same = Arrays.mismatch(cached, 0, length, tokens, 0, count);
        length = same < 0 ? length : same;
        return length;
    }

    /** Forgets the tokens from this position on. */
    public void truncate(int newLength) {
        if (newLength < 0 || newLength > length) {
            throw new IllegalArgumentException("cannot keep " + newLength + " of " + length + " tokens");
        }
        length = newLength;
    }

    /**
     * Appends tokens.
     *
     * @param tokens from index {@code from} to before {@code to}
     * @param sink gets the wanted logits, in order
     * @throws IllegalArgumentException if the context is too small
     */
    public void append(int[] tokens, int from, int to, Wanted wanted, LogitsSink sink) {
        fits(to - from);
        int chunk = wanted == Wanted.ALL ? Math.min(limits.tokens(), limits.outputs()) : limits.tokens();
        for (int at = from; at < to; at += chunk) {
            int end = Math.min(to, at + chunk);
            run(tokens, at, end, wanted == Wanted.ALL ? at : wanted == Wanted.LAST && end == to ? end - 1 : end, sink);
        }
    }

    /**
     * Appends tokens and finds the best one to follow: that of the greatest logit, of equal ones the lowest. Without a row of logits to copy
     * where the device can find it.
     *
     * @param otherwise gets the logits if there is no best one, since a logit is not a number, or all are negative infinity
     * @return the token, or -1
     * @throws IllegalArgumentException if the context is too small, or there is nothing to append
     */
    public int appendBest(int[] tokens, int from, int to, LogitsSink otherwise) {
        if (from >= to) {
            throw new IllegalArgumentException("no tokens from " + from + " to " + to);
        }
        fits(to - from);
        int last = from + (to - from - 1) / limits.tokens() * limits.tokens();
        append(tokens, from, last, Wanted.NONE, otherwise);
        prepare(tokens, last, to, to - 1);
        engine.best(step, best);
        keep(tokens, last, to);
        int token = best.get(ValueLayout.JAVA_INT, 0);
        if (token < 0) {
            engine.logits(step, logits);
            give(0, length - 1, otherwise);
        }
        return token;
    }

    private void fits(int more) {
        if (length + more > limits.context()) {
            throw new IllegalArgumentException(
                    "the context of " + limits.context() + " tokens holds " + length + ", so not " + more
                            + " more");
        }
    }

    private void run(int[] tokens, int from, int to, int firstOutput, LogitsSink sink) {
        prepare(tokens, from, to, firstOutput);
        engine.run(step, logits);
        int start = length;
        keep(tokens, from, to);
        for (int i = firstOutput; i < to; i++) {
            give(i - firstOutput, start + i - from, sink);
        }
    }

    private void prepare(int[] tokens, int from, int to, int firstOutput) {
        step.clear();
        int sequence = step.addSequence(pages, Math.ceilDiv(length + to - from, limits.pageRows()));
        for (int i = from; i < to; i++) {
            step.addToken(sequence, tokens[i], length + i - from, i >= firstOutput);
        }
    }

    private void keep(int[] tokens, int from, int to) {
        if (length + to - from > cached.length) {
            cached = Arrays.copyOf(cached, Math.max(2 * cached.length, length + to - from));
        }
        System.arraycopy(tokens, from, cached, length, to - from);
        length += to - from;
    }

    private void give(int output, int position, LogitsSink sink) {
        MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, 4L * output * vocabulary, row, 0, vocabulary);
        sink.accept(position, row);
    }

    @Override
    public void close() {
        arena.close();
    }
}
