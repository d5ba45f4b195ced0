package org.crema.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Limits;
import org.crema.kernels.Step;
import org.crema.model.placement.Placement;
import org.crema.model.runtime.Engine;

/** A model placed on devices, compiled, and ready to be timed. Tokens are random, as in llama-bench. One thread at a time. */
final class Rig implements AutoCloseable {
    private static final int PAGE_ROWS = 256;
    private static final long SEED = 42;

    private final Engine engine;
    private final Limits limits;
    private final int vocabulary;
    private final Arena arena = Arena.ofShared();
    private final Step step;
    private final MemorySegment logits;
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Set<Trial> filled = new HashSet<>();

    /**
     * Compiles the model, with room for the largest of the trials.
     *
     * @throws org.crema.kernels.DeviceException if a device cannot run it, or has no room
     */
    Rig(Placement placement, Settings settings, List<Trial> trials) {
        this(placement, options(settings, trials));
    }

    Rig(Placement placement, CompileOptions options) {
        this.limits = options.limits();
        this.vocabulary = placement.graph().vocabulary();
        this.engine = new Engine(placement, options.withStreamed(placement.streamedWeights()));
        this.step = new Step(limits, arena);
        this.logits = arena.allocate(4L * limits.outputs() * vocabulary, 64);
    }

    /** How a model is compiled for these trials. */
    static CompileOptions options(Settings settings, List<Trial> trials) {
        int streams = 1;
        int pages = 1;
        int sequencePages = 1;
        for (Trial trial : trials) {
            int each = Math.ceilDiv(trial.context(), PAGE_ROWS);
            streams = Math.max(streams, trial.streams());
            sequencePages = Math.max(sequencePages, each);
            pages = Math.max(pages, Math.multiplyExact(each, trial.streams()));
        }
        int tokens = Math.max(settings.batch(), streams);
        Limits limits = new Limits(tokens, streams, streams, PAGE_ROWS, pages, sequencePages);
        return new CompileOptions(settings.precision(), settings.cacheType(), limits);
    }

    Engine engine() {
        return engine;
    }

    /** Runs a trial once; gives the nanoseconds that it took. What is to lie in the cache before is put there first, untimed. */
    long run(Trial trial) {
        if (filled.add(trial)) {
            read(trial, 0, trial.depth());
        }
        long start = System.nanoTime();
        read(trial, trial.depth(), trial.prompt());
        for (int i = 0; i < trial.generate(); i++) {
            int position = trial.depth() + trial.prompt() + i;
            step.clear();
            for (int s = 0; s < trial.streams(); s++) {
                step.addToken(sequence(trial, s), token(), position, true);
            }
            engine.run(step, logits);
        }
        return System.nanoTime() - start;
    }

    /** Reads tokens of each stream, one stream after the other, in steps of the batch size; wants the last one's logits. */
    private void read(Trial trial, int from, int count) {
        for (int s = 0; s < trial.streams(); s++) {
            for (int at = 0; at < count; at += limits.tokens()) {
                int end = Math.min(count, at + limits.tokens());
                step.clear();
                int sequence = sequence(trial, s);
                for (int i = at; i < end; i++) {
                    step.addToken(sequence, token(), from + i, i == count - 1);
                }
                engine.run(step, logits);
            }
        }
    }

    private int sequence(Trial trial, int stream) {
        int[] pages = new int[Math.ceilDiv(trial.context(), PAGE_ROWS)];
        Arrays.setAll(pages, i -> stream * pages.length + i);
        return step.addSequence(pages, pages.length);
    }

    private int token() {
        return random.nextInt(vocabulary);
    }

    @Override
    public void close() {
        engine.close();
        arena.close();
    }
}
