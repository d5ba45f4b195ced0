package org.crema.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * How fast the host's cores work together at this moment. On a shared machine neighbours take part of a core, or the system below moves
 * two virtual cores to chips that lie further apart, for a tenth of a second or for ten, and nothing says so. A game that costs what
 * the steps of a model cost shows it: in each round every thread computes on what another wrote in the round before.
 */
final class Pace implements AutoCloseable {
    /** Below this part of the best pace of the run something else was at work; what is left to itself varies by some percent. */
    private static final double CLEAN = 0.85;
    /** A few cores show what happens to all. */
    private static final int MOST_THREADS = 16;
    /** Of a block that goes from core to core: a row or two of activations. */
    private static final int FLOATS = 4096;
    /** Times that a block is worked on in a round; so much that arithmetic counts as much as the way between cores. */
    private static final int REPEATS = 24;
    private static final int ROUNDS = 60;
    private static final int MOST_GAMES = 3;
    private static final int SPINS_BEFORE_YIELD = 10_000;
    /** Games until C2 has compiled them. */
    private static final int WARM_UP = 40;

    private final int count;
    private final float[][] blocks;
    private final ExecutorService threads;
    private double best;

    /** @param count threads that work together */
    Pace(int count) {
        this.count = Math.clamp(count, 1, MOST_THREADS);
        blocks = new float[this.count][FLOATS];
        threads = Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "crema-bench-pace");
            thread.setDaemon(true);
            return thread;
        });
        for (int i = 0; i < WARM_UP; i++) {
            now();
        }
        best = 0;
    }

    /** Rounds per millisecond, of the best of a few games: a thread that the system wakes on a busy core says nothing of the machine. */
    double now() {
        double pace = game();
        for (int games = 1; games < MOST_GAMES && !clean(pace); games++) {
            pace = Math.max(pace, game());
        }
        best = Math.max(best, pace);
        return pace;
    }

    private double game() {
        AtomicInteger arrived = new AtomicInteger();
        List<Future<Long>> others = new ArrayList<>();
        for (int i = 1; i < count; i++) {
            int self = i;
            others.add(threads.submit(() -> play(self, arrived)));
        }
        double pace = 1e6 * ROUNDS / Math.max(1, play(0, arrived));
        try {
            for (Future<Long> other : others) {
                other.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while timing", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return pace;
    }

    /** Plays all rounds; gives the nanoseconds from when everybody was there. */
    private long play(int self, AtomicInteger arrived) {
        meet(arrived, count);
        long start = System.nanoTime();
        for (int round = 1; round <= ROUNDS; round++) {
            float[] block = blocks[(self + round) % count];
            for (int i = 0; i < REPEATS; i++) {
                multiplyAdd(block);
            }
            meet(arrived, (round + 1) * count);
        }
        return System.nanoTime() - start;
    }

    @SuppressWarnings("ThreadPriorityCheck") // who is off its core needs ours
    private static void meet(AtomicInteger arrived, int all) {
        arrived.incrementAndGet();
        for (int spins = 0; arrived.get() < all; spins++) {
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    private static void multiplyAdd(float[] block) {
        for (int i = 0; i < block.length; i++) {
            block[i] = block[i] * 0.5f + 1;
        }
    }

    /** Whether, at this pace, the machine was left to itself, as far as this run has seen what it can do. */
    boolean clean(double pace) {
        return clean(pace, best);
    }

    static boolean clean(double pace, double best) {
        return pace >= CLEAN * best;
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
