package org.crema.backend.cpu;

import java.util.Arrays;
import org.crema.backend.cpu.kernel.MatKernel;
import org.crema.backend.cpu.kernel.Starter;
import org.crema.backend.cpu.kernel.Tuning;
import org.crema.kernels.quant.QuantType;

/**
 * Chooses how the mat-vec of one type walks over the rows: one at a time, neighbours together, or distant rows together. Which is
 * the fastest depends on the processor's prefetchers, by factors. Each thread takes turns at first, timing its real work, and then
 * stays with the walk whose median was the best. All walks give the same bits.
 */
final class Tuner {
    private static final Tuning[] WALKS = {Tuning.SINGLE, Tuning.NEAR, Tuning.FAR};
    /** Less is not timed: the clock would tell more about itself. */
    private static final long LEAST_BYTES = 32 << 10;
    /** Samples of each walk that count, the newest. */
    private static final int SAMPLES = 32;
    /** Until then the kernels may be compiled anew. */
    private static final long LEAST_NANOS = 2_000_000_000L;

    private final MatKernel[] kernels = new MatKernel[WALKS.length];
    private final Timing[] timings;

    /** One thread's. */
    private static final class Timing {
        private final float[][] nanosPerByte = new float[WALKS.length][SAMPLES];
        private long began;
        private int turn;
        private int best = -1;
    }

    Tuner(QuantType type, int threads) {
        Arrays.setAll(kernels, walk -> MatKernel.of(type, WALKS[walk]));
        timings = new Timing[threads];
        Arrays.setAll(timings, thread -> new Timing());
    }

    /** Rows times a vector, as {@link MatKernel#matVec}. */
    void matVec(int thread, long weights, long rowBytes, int from, int to, int columns, long packed, long out) {
        Timing timing = timings[thread];
        long bytes = (to - from) * rowBytes;
        if (timing.best >= 0) {
            kernels[timing.best].matVec(weights, rowBytes, from, to, columns, packed, out);
        } else if (bytes < LEAST_BYTES || Starter.soft()) {
            kernels[0].matVec(weights, rowBytes, from, to, columns, packed, out);
        } else {
            int walk = timing.turn % WALKS.length;
            long start = System.nanoTime();
            kernels[walk].matVec(weights, rowBytes, from, to, columns, packed, out);
            long end = System.nanoTime();
            timing.nanosPerByte[walk][timing.turn / WALKS.length % SAMPLES] = (float) (end - start) / bytes;
            timing.began = timing.turn == 0 ? start : timing.began;
            timing.turn++;
            if (timing.turn >= WALKS.length * SAMPLES && end - timing.began > LEAST_NANOS) {
                timing.best = best(timing);
            }
        }
    }

    private static int best(Timing timing) {
        int best = 0;
        for (int walk = 0; walk < WALKS.length; walk++) {
            Arrays.sort(timing.nanosPerByte[walk]);
            if (timing.nanosPerByte[walk][SAMPLES / 2] < timing.nanosPerByte[best][SAMPLES / 2]) {
                best = walk;
            }
        }
        return best;
    }
}
