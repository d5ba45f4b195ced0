package org.crema.backend.cpu;

import org.crema.kernels.Rows;

/** A task that does the same for every row, by itself. Few or cheap rows stay on the calling thread. */
abstract class RowTask implements Task, Pool.Job {
    /** What a chunk should cost at least, so that handing it over is worth it. */
    private static final long CHUNK_NANOS = 4_000;
    /** Chunks for each thread, so that none waits long for the last. */
    private static final int CHUNKS_PER_THREAD = 4;

    private final Rows rows;
    private final long rowNanos;
    private Batch batch;
    private int count;
    private int chunks;

    /**
     * @param rows of what
     * @param rowNanos roughly what a row costs, in nanoseconds
     */
    RowTask(Rows rows, long rowNanos) {
        this.rows = rows;
        this.rowNanos = Math.max(1, rowNanos);
    }

    @Override
    public void run(Batch step, Pool pool) {
        batch = step;
        count = step.rows(rows);
        long worth = Math.min(count, (long) pool.threads() * CHUNKS_PER_THREAD);
        chunks = (int) Math.clamp(count * rowNanos / CHUNK_NANOS, Math.min(1, worth), worth);
        pool.run(this, chunks);
    }

    @Override
    public void work(int chunk, int thread) {
        int to = (int) ((long) count * (chunk + 1) / chunks);
        for (int row = (int) ((long) count * chunk / chunks); row < to; row++) {
            row(batch, row, thread);
        }
    }

    /** Does one row. */
    abstract void row(Batch step, int row, int thread);
}
