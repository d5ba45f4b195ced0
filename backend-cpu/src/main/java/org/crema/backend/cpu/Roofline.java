package org.crema.backend.cpu;

import java.lang.foreign.Arena;
import org.crema.backend.cpu.kernel.CoreLimits;
import org.crema.kernels.Rates;

/** Measures what the threads of a pool reach together. */
final class Roofline {
    /** More than any cache that two cores share. */
    private static final long BYTES = 256L << 20;
    private static final long CHUNK = 1 << 20;
    private static final int TURNS = 20_000;
    private static final int CHAINS = 8;
    /** Turns of a call of machine code, and calls of a chunk. */
    private static final int CALL_TURNS = 500;
    private static final int CALLS = 20;
    /** Chunks of arithmetic for each thread. */
    private static final int SHARES = 16;
    private static final long NANOS = 250_000_000;
    private static final int LEAST_ROUNDS = 5;

    private Roofline() {}

    static Rates measure(Pool pool) {
        int arithmetic = SHARES * pool.threads();
        int perTurn = VectorSupport.PRESENT ? CoreLimits.MULTIPLY_ADDS : CHAINS;
        pool.enter();
        try (Arena arena = Arena.ofShared()) {
            long at = arena.allocate(BYTES, Plan.ALIGNMENT).address();
            // Kept, so that no loop is left out.
            float[] results = new float[pool.threads()];
            double reading = best(pool, (chunk, thread) -> results[thread] += sum(at + chunk * CHUNK), (int) (BYTES / CHUNK));
            double computing = best(pool, (chunk, thread) -> results[thread] += multiplyAdds(), arithmetic);
            return new Rates(BYTES / reading, 2.0 * perTurn * TURNS * arithmetic / computing, products(pool, arithmetic));
        } finally {
            pool.leave();
        }
    }

    /** Operations per second of products with weights in integers or short floats; 0 where they are made in F32. */
    private static double products(Pool pool, int chunks) {
        int perTurn = VectorSupport.PRESENT ? CoreLimits.productAdds() : 0;
        if (perTurn == 0) {
            return 0;
        }
        double seconds = best(pool, (chunk, thread) -> {
            for (int call = 0; call < CALLS; call++) {
                CoreLimits.products(CALL_TURNS);
            }
        }, chunks);
        return 2.0 * perTurn * CALL_TURNS * CALLS * chunks / seconds;
    }

    private static double best(Pool pool, Pool.Job job, int chunks) {
        double best = Double.MAX_VALUE;
        long end = System.nanoTime() + NANOS;
        for (int round = 0; round < LEAST_ROUNDS || System.nanoTime() < end; round++) {
            long start = System.nanoTime();
            pool.run(job, chunks);
            best = Math.min(best, (System.nanoTime() - start) * 1e-9);
        }
        return best;
    }

    private static float sum(long at) {
        return VectorSupport.PRESENT
                ? CoreLimits.sum(at, at + CHUNK)
                : Lanes.BEST.sumOfSquares(at, (int) (CHUNK / Float.BYTES));
    }

    private static float multiplyAdds() {
        if (VectorSupport.PRESENT) {
            return CoreLimits.multiplyAdds(TURNS);
        }
        float a = 0;
        float b = 1;
        float c = 2;
        float d = 3;
        float e = 4;
        float f = 5;
        float g = 6;
        float h = 7;
        for (int i = 0; i < TURNS; i++) {
            a = a * 0.5f + 1;
            b = b * 0.5f + 1;
            c = c * 0.5f + 1;
            d = d * 0.5f + 1;
            e = e * 0.5f + 1;
            f = f * 0.5f + 1;
            g = g * 0.5f + 1;
            h = h * 0.5f + 1;
        }
        return a + b + c + d + e + f + g + h;
    }
}
