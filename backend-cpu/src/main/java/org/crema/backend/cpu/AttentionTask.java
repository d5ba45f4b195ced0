package org.crema.backend.cpu;

import static org.crema.backend.cpu.Native.f32;

import java.util.Arrays;
import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Place;
import org.crema.kernels.Cache;
import org.crema.kernels.Op;
import org.crema.kernels.Rows;

/**
 * Attention of both kinds, as one: query heads in groups that share a key head; latent attention is one group whose values are the
 * first columns of its keys. A unit of work is some neighbouring tokens of a sequence and the heads of a group, so that each cache
 * row is read, and turned to F32, once for all of them. Softmax runs along with the cache (Milakov and Gimelshein, arXiv
 * 1805.02867). Few units over a long cache are split along the cache too, and merged afterwards.
 */
final class AttentionTask implements Task, Pool.Job {
    private static final Lanes LANES = Lanes.BEST;
    /** Cache rows worked on at a time. */
    private static final int TILE = 32;
    /** Query rows (token and head) of a unit at most. */
    private static final int QUERIES = 64;
    /** Units and splits of them, up to which a cache is split; the same for any number of threads, as is the result. */
    private static final int SPLITS = 64;
    /** Cache rows of a split at least. */
    private static final int SPLIT_ROWS = 256;

    private final Place out;
    private final Place[] q;
    private final Buffer cache;
    private final Cache.Type type;
    private final CacheReader reader;
    private final long rowBytes;
    private final float scale;
    private final int window;
    private final float softCap;
    private final boolean latent;
    private final int heads;
    /** Heads of a key head, and of those the ones of a unit. */
    private final int group;
    private final int unitHeads;
    private final int keyHeads;
    private final int keyColumns;
    private final int valueColumns;

    private final Buffer queries;
    private final Buffer keys;
    private final Buffer values;
    private final Buffer scores;
    private final Buffer sums;
    private final Buffer lanes;
    private final Buffer parts;
    private final Scratch[] scratch;
    private final int[] blockFirst;
    private final int[] blockEnd;
    private final RowTask merge;

    private Batch step;
    private int blocks;
    private int splits;

    /** What one thread keeps on the heap. */
    private static final class Scratch {
        final long[] query = new long[QUERIES];
        final long[] score = new long[QUERIES];
        final float[] most = new float[QUERIES];
        final float[] total = new float[QUERIES];
    }

    static Task of(Plan plan, Op.Attention op) {
        return new AttentionTask(plan, op.out(), op.source(), op.keyHeads(), op.q().columns(), op.scale(), op.window(),
                op.softCap(),
                false, plan.place(op.q()));
    }

    static Task of(Plan plan, Op.LatentAttention op) {
        return new AttentionTask(plan, op.out(), op.source(), 1, op.source().columns(), op.scale(), 0, 0, true,
                plan.place(op.q()),
                plan.place(op.qRope()));
    }

    @SuppressWarnings("TooManyParameters")
    private AttentionTask(Plan plan, org.crema.kernels.View out, Cache source, int keyHeads, int keyColumns, float scale,
            int window,
            float softCap, boolean latent, Place... q) {
        this.out = plan.place(out);
        this.q = q;
        this.scale = scale;
        this.window = window;
        this.softCap = softCap;
        this.latent = latent;
        this.keyHeads = keyHeads;
        this.keyColumns = keyColumns;
        heads = out.groups();
        valueColumns = out.columns();
        group = heads / keyHeads;
        unitHeads = largestDivisor(group, QUERIES);
        cache = plan.cache(source);
        type = plan.options().cacheType();
        reader = CacheReader.of(type);
        rowBytes = type.rowBytes(source.columns());

        queries = plan.perThread("queries", 4L * QUERIES * keyColumns);
        keys = plan.perThread("keys", type == Cache.Type.F32 ? 0 : 4L * TILE * keyColumns);
        values = plan.perThread("values", type == Cache.Type.F32 || latent ? 0 : 4L * TILE * valueColumns);
        scores = plan.perThread("scores", 4L * QUERIES * TILE);
        sums = plan.perThread("mixed values", 4L * QUERIES * valueColumns);
        lanes = plan.perThread("lanes", Lanes.SCRATCH);
        parts = plan.shared("parts of attentions", partBytes() * unitRows() * SPLITS);
        scratch = new Scratch[plan.threads()];
        Arrays.setAll(scratch, thread -> new Scratch());
        blockFirst = new int[plan.limits().tokens()];
        blockEnd = new int[plan.limits().tokens()];
        merge = new Merge();
    }

    private static int largestDivisor(int number, int most) {
        int divisor = Math.min(number, most);
        while (number % divisor != 0) {
            divisor--;
        }
        return divisor;
    }

    /** Tokens of a unit at most. */
    private int unitTokens() {
        return Math.max(1, QUERIES / unitHeads);
    }

    private int unitRows() {
        return unitTokens() * unitHeads;
    }

    /** A query row's share of one split: its mixed values, then its largest score and the sum of its exponentials. */
    private long partBytes() {
        return 4L * (valueColumns + 2);
    }

    @Override
    public void run(Batch batch, Pool pool) {
        step = batch;
        blocks = 0;
        int longest = 0;
        for (int t = 0; t < batch.tokens; t++) {
            boolean joins = blocks > 0 && t - blockFirst[blocks - 1] < unitTokens()
                    && batch.sequence[t] == batch.sequence[blockFirst[blocks - 1]];
            if (!joins) {
                blockFirst[blocks++] = t;
            }
            blockEnd[blocks - 1] = t + 1;
            longest = Math.max(longest, batch.position[t] + 1);
        }
        int units = blocks * (heads / unitHeads);
        splits = Math.clamp(Math.ceilDiv(longest, SPLIT_ROWS), 1, Math.max(1, SPLITS / Math.max(1, units)));
        pool.run(this, units * splits);
        if (splits > 1) {
            merge.run(batch, pool);
        }
    }

    @Override
    public void work(int chunk, int thread) {
        int split = chunk % splits;
        int unit = chunk / splits;
        int block = unit / (heads / unitHeads);
        int firstHead = unit % (heads / unitHeads) * unitHeads;
        int first = blockFirst[block];
        int rows = (blockEnd[block] - first) * unitHeads;

        int from = window == 0 ? 0 : Math.max(0, step.position[first] - window + 1);
        int to = step.position[blockEnd[block] - 1] + 1;
        int share = Math.ceilDiv(Math.ceilDiv(to - from, splits), TILE) * TILE;
        int begin = Math.min(to, from + split * share);
        int end = Math.min(to, begin + share);

        Scratch own = scratch[thread];
        gather(own, first, firstHead, rows, thread);
        Native.zero(sums.at(thread), 4L * rows * valueColumns);
        Arrays.fill(own.most, 0, rows, Float.NEGATIVE_INFINITY);
        Arrays.fill(own.total, 0, rows, 0);
        int keyHead = firstHead / group;
        for (int p = begin, next; p < end; p = next) {
            next = Math.min(end, p + TILE);
            next = Math.min(next, p - p % step.pageRows() + step.pageRows());
            tile(own, first, rows, keyHead, p, next - p, thread);
        }
        for (int r = 0; r < rows; r++) {
            long sum = sums.at(thread) + 4L * r * valueColumns;
            if (splits == 1) {
                LANES.scale(out.group(first + r / unitHeads, firstHead + r % unitHeads), sum, 1 / own.total[r], valueColumns);
            } else {
                long part = part(unit, split, r);
                Native.copy(sum, part, 4L * valueColumns);
                f32(part + 4L * valueColumns, own.most[r]);
                f32(part + 4L * valueColumns + 4, own.total[r]);
            }
        }
    }

    private long part(int unit, int split, int row) {
        return parts.at() + (((long) unit * splits + split) * unitRows() + row) * partBytes();
    }

    /** Queries of the unit, scaled, one after the other. */
    private void gather(Scratch own, int first, int firstHead, int rows, int thread) {
        for (int r = 0; r < rows; r++) {
            long to = queries.at(thread) + 4L * r * keyColumns;
            own.query[r] = to;
            own.score[r] = scores.at(thread) + 4L * r * TILE;
            for (Place part : q) {
                int columns = part.view().columns();
                LANES.scale(to, part.group(first + r / unitHeads, firstHead + r % unitHeads), scale, columns);
                to += 4L * columns;
            }
        }
    }

    /** Takes {@code count} cache rows from a position on, all on one page, into account. */
    private void tile(Scratch own, int first, int rows, int keyHead, int position, int count, int thread) {
        long cacheRow = cache.at() + step.cacheRow(step.sequence[first], position) * rowBytes;
        int keyAt = keyHead * keyColumns;
        int valueAt = latent ? 0 : keyHeads * keyColumns + keyHead * valueColumns;
        long key = cacheRow + 4L * keyAt;
        long value = cacheRow + 4L * valueAt;
        long keyStride = rowBytes;
        long valueStride = rowBytes;
        if (type != Cache.Type.F32) {
            key = keys.at(thread);
            keyStride = 4L * keyColumns;
            value = latent ? key : values.at(thread);
            valueStride = latent ? keyStride : 4L * valueColumns;
            for (int i = 0; i < count; i++) {
                reader.read(cacheRow + i * rowBytes, keyAt, keyColumns, key + i * keyStride);
                if (!latent) {
                    reader.read(cacheRow + i * rowBytes, valueAt, valueColumns, value + i * valueStride);
                }
            }
        }
        LANES.dots(own.query, 0, rows, key, keyStride, count, keyColumns, own.score, 0,
                lanes.at(thread));
        boolean all = true;
        for (int r = 0; r < rows; r++) {
            int end = seenEnd(first + r / unitHeads, position, count);
            int begin = seenBegin(first + r / unitHeads, position, end);
            soften(own, r, begin, end, sums.at(thread) + 4L * r * valueColumns);
            all &= begin == 0 && end == count;
        }
        int together = all ? rows : unitHeads;
        for (int r = 0; r < rows; r += together) {
            int end = all ? count : seenEnd(first + r / unitHeads, position, count);
            int begin = all ? 0 : seenBegin(first + r / unitHeads, position, end);
            LANES.mix(own.score[r] + 4L * begin, 4L * TILE, together, value + begin * valueStride, valueStride, end - begin,
                    valueColumns,
                    sums.at(thread) + 4L * r * valueColumns, 4L * valueColumns);
        }
    }

    /** Of {@code count} cache rows from a position on, the end of those that a token may see. */
    private int seenEnd(int token, int position, int count) {
        return Math.clamp(step.position[token] + 1L - position, 0, count);
    }

    /** And the begin. */
    private int seenBegin(int token, int position, int end) {
        return window == 0 ? 0 : Math.clamp(step.position[token] + 1L - window - position, 0, end);
    }

    /** Scores from {@code begin} to {@code end} to exponentials; what was summed up before is brought in line. */
    private void soften(Scratch own, int r, int begin, int end, long sum) {
        if (begin == end) {
            return;
        }
        long seen = own.score[r] + 4L * begin;
        int count = end - begin;
        if (softCap > 0) {
            for (long s = seen; s < seen + 4L * count; s += 4) {
                f32(s, softCap * (float) Math.tanh(f32(s) / softCap));
            }
        }
        float most = Math.max(own.most[r], LANES.max(seen, count));
        if (most > own.most[r]) {
            float factor = (float) Math.exp(own.most[r] - most);
            own.total[r] *= factor;
            LANES.scale(sum, sum, factor, valueColumns);
        }
        own.most[r] = most;
        own.total[r] += LANES.expSum(seen, most, count);
    }

    /** Puts the splits of every token together, in their order. */
    private final class Merge extends RowTask {
        Merge() {
            super(Rows.TOKENS, (long) heads * valueColumns);
        }

        @Override
        void row(Batch batch, int row, int thread) {
            int block = 0;
            while (blockEnd[block] <= row) {
                block++;
            }
            for (int head = 0; head < heads; head++) {
                int unit = block * (heads / unitHeads) + head / unitHeads;
                int unitRow = (row - blockFirst[block]) * unitHeads + head % unitHeads;
                merge(unit, unitRow, out.group(row, head), thread);
            }
        }

        private void merge(int unit, int unitRow, long to, int thread) {
            float most = Float.NEGATIVE_INFINITY;
            for (int s = 0; s < splits; s++) {
                most = Math.max(most, f32(part(unit, s, unitRow) + 4L * valueColumns));
            }
            float total = 0;
            long factors = scores.at(thread);
            for (int s = 0; s < splits; s++) {
                long tail = part(unit, s, unitRow) + 4L * valueColumns;
                float factor = (float) Math.exp(f32(tail) - most);
                total += factor * f32(tail + 4);
                f32(factors + 4L * s, factor);
            }
            for (int s = 0; s < splits; s++) {
                f32(factors + 4L * s, f32(factors + 4L * s) / total);
            }
            Native.zero(to, 4L * valueColumns);
            LANES.mix(factors, 0, 1, part(unit, 0, unitRow), unitRows() * partBytes(), splits, valueColumns, to, 0);
        }
    }
}
