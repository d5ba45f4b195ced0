package org.crema.backend.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.crema.kernels.DeviceException;

/**
 * Threads that work off the chunks of one job at a time. The caller takes part, and never waits for a thread that has claimed
 * nothing: a worker that sleeps, or that the system has taken off its core, costs its share of the work and no more. Between jobs
 * workers spin for a little while, then park.
 */
final class Pool implements AutoCloseable {
    /** Work in numbered chunks, which may run in any order and at the same time. */
    interface Job {
        /**
         * @param chunk from 0
         * @param thread below {@link Pool#threads}; no two chunks run at the same time with the same number
         */
        void work(int chunk, int thread);
    }

    /** Most chunks of a job. */
    static final int MOST_CHUNKS = 1 << 18;

    /** How long a worker spins for the next job. A step's serial stretches are far shorter, the time between steps mostly longer. */
    private static final long SPIN_NANOS = 100_000;
    private static final int SPINS_PER_CLOCK = 64;
    private static final int SPINS_BEFORE_YIELD = 4096;

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle SLEEPERS;

    static {
        try {
            SLEEPERS = MethodHandles.lookup().findVarHandle(Pool.class, "sleepers", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Index of the claim word: epoch << 40 | chunks << 20 | next chunk. Each word has cache lines of its own. */
    private static final int CLAIM = 16;
    /** Index of the number of chunks done. */
    private static final int DONE = 48;
    private static final int CHUNK_BITS = 20;
    private static final long CHUNK_MASK = (1L << CHUNK_BITS) - 1;

    private final long[] words = new long[80];
    private final Worker[] workers;
    private final ReentrantLock lock = new ReentrantLock();
    private Job job;
    private long epoch;
    private volatile Throwable failure;
    private volatile int sleepers;
    private volatile boolean closed;

    /** @param threads the caller included */
    Pool(int threads) {
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i);
            workers[i].start();
        }
    }

    /** Threads, the caller included. */
    int threads() {
        return workers.length + 1;
    }

    /** Takes the pool for one caller: jobs of different executables do not mix. */
    void enter() {
        lock.lock();
        if (closed) {
            lock.unlock();
            throw new DeviceException("the CPU device is closed");
        }
    }

    void leave() {
        lock.unlock();
    }

    /** Wakes sleeping workers, ahead of the first job of a step. */
    void wake() {
        if (sleepers > 0 && workers.length > 0) {
            workers[0].wake();
        }
    }

    /**
     * Runs all chunks of a job and returns when they are done. Only between {@link #enter} and {@link #leave}.
     *
     * @throws DeviceException with what a chunk threw as its cause
     */
    @SuppressWarnings("ThreadPriorityCheck") // a worker off its core needs ours
    void run(Job work, int chunks) {
        if (chunks > MOST_CHUNKS) {
            throw new IllegalArgumentException(chunks + " chunks are over the limit of " + MOST_CHUNKS);
        }
        if (chunks <= 1 || workers.length == 0) {
            for (int chunk = 0; chunk < chunks; chunk++) {
                work.work(chunk, 0);
            }
            return;
        }
        job = work;
        words[DONE] = 0;
        epoch++;
        LONGS.setVolatile(words, CLAIM, (epoch << (2 * CHUNK_BITS)) | ((long) chunks << CHUNK_BITS));
        wake();
        claimAll(0);
        for (int spins = 0; (long) LONGS.getAcquire(words, DONE) != chunks; spins++) {
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        Throwable thrown = failure;
        if (thrown != null) {
            failure = null;
            throw new DeviceException("a worker thread of the CPU device failed: " + thrown, thrown);
        }
    }

    /** Claims and works off chunks until none is left; returns whether there was one. */
    @SuppressWarnings("CatchingUnchecked")
    private boolean claimAll(int thread) {
        boolean any = false;
        while (true) {
            // A look first, so that the claim word cannot run over however often workers come by.
            if (!left((long) LONGS.getVolatile(words, CLAIM))) {
                return any;
            }
            long claim = (long) LONGS.getAndAdd(words, CLAIM, 1L);
            if (!left(claim)) {
                return any;
            }
            any = true;
            try {
                job.work((int) (claim & CHUNK_MASK), thread);
            } catch (Throwable thrown) {
                failure = thrown;
            } finally {
                LONGS.getAndAdd(words, DONE, 1L);
            }
        }
    }

    private static boolean left(long claim) {
        return (claim & CHUNK_MASK) < ((claim >>> CHUNK_BITS) & CHUNK_MASK);
    }

    /** Ends the threads. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
        boolean interrupted = false;
        for (Worker worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker extends Thread {
        private final int index;
        private volatile boolean parked;

        Worker(int index) {
            super("crema-cpu-" + (index + 1));
            this.index = index;
            setDaemon(true);
        }

        /** Wakes this worker and those below it in the tree. */
        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            } else {
                // It is awake already and will not pass the word on.
                wakeChildren();
            }
        }

        private void wakeChildren() {
            for (int child = 2 * index + 1; child <= 2 * index + 2 && child < workers.length; child++) {
                workers[child].wake();
            }
        }

        @Override
        public void run() {
            while (!closed) {
                if (!claimAll(index + 1) && !spin()) {
                    park();
                    wakeChildren();
                }
            }
        }

        /** Waits for chunks; returns whether there are any. */
        private boolean spin() {
            long end = System.nanoTime() + SPIN_NANOS;
            do {
                for (int i = 0; i < SPINS_PER_CLOCK; i++) {
                    if (left((long) LONGS.getVolatile(words, CLAIM))) {
                        return true;
                    }
                    Thread.onSpinWait();
                }
            } while (System.nanoTime() < end && !closed);
            return false;
        }

        private void park() {
            parked = true;
            SLEEPERS.getAndAdd(Pool.this, 1);
            // The look comes after the flag and a job's publication before the look at the flag: one of the two sees the other.
            if (!left((long) LONGS.getVolatile(words, CLAIM)) && !closed) {
                LockSupport.park(Pool.this);
            }
            SLEEPERS.getAndAdd(Pool.this, -1);
            parked = false;
        }
    }
}
