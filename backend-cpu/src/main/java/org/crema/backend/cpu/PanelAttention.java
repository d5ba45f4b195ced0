package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Place;
import org.crema.backend.cpu.kernel.Gemm;
import org.crema.backend.cpu.kernel.MatKernel;
import org.crema.backend.cpu.kernel.PanelSoftmax;
import org.crema.backend.cpu.kernel.Species;

/**
 * Attention of many tokens through the micro-kernels of {@link Gemm}. A unit of work is one key head and some neighbouring tokens of a
 * sequence; their queries (token and head) are packed to panels once. Then, tile of keys by tile:
 *
 * <pre>
 * scores[key][query]  = keys[key][·]    × panel of queries [·][query]      lanes are queries
 * weights[key][query] = softmax along with the keys
 * sums[value][query] += values[value][key] × weights[key][query]
 * </pre>
 *
 * Where keys and values come from is left to who extends this.
 */
abstract class PanelAttention implements Pool.Job {
    /** Keys of a tile. */
    static final int TILE = Gemm.TILE_ROWS;
    static final int SLICE = MatKernel.SLICE;
    /** Most queries of a unit: with the sums they stay in the second-level cache, and each expands its keys for itself. */
    static final int QUERIES = 512;
    /** Of a long prompt: fewer would expand too many keys anew. */
    private static final int LEAST_TOKENS = 128;
    private static final int UNITS_PER_THREAD = 2;
    private static final int L = Species.LANES;

    private final Place out;
    private final Place[] q;
    private final float scale;
    private final int unitHeads;
    private final int headGroups;
    private final int keyColumns;
    private final int valueColumns;
    private final int panelTokens;

    private final Buffer queries;
    private final Buffer weights;
    private final Scratch[] scratch;
    private final int[] blockFirst;
    private final int[] blockEnd;
    private int blocks;
    private Batch step;

    /** Of one thread; as large as the largest attention of the plan needs. */
    static final class Scratch {
        /** Slices of {@link #TILE} keys. */
        float[] keys = new float[0];
        /** {@code [value column][SLICE]}, a key in each column. */
        float[] values = new float[0];
        /** {@code [key][query]}. */
        final float[] scores = new float[(TILE + Gemm.STEP) * Gemm.PANEL];
        private float[] sums = new float[0];
        private float[] state = new float[0];
        /** Of one query or key. */
        float[] row = new float[0];
        /** Slices of {@link #TILE} rows that keys are expanded from, and a tile of weights. */
        float[] latents = new float[0];
        float[] tile = new float[0];
        /** A slice of a panel on its way to memory. */
        final float[] panel = new float[SLICE * Gemm.PANEL];
        private final int[] begin = new int[Gemm.PANEL];
        private final int[] end = new int[Gemm.PANEL];

        private void need(int keyColumns, int valueColumns, int panels) {
            keys = atLeast(keys, Math.ceilDiv(keyColumns, SLICE) * TILE * SLICE);
            values = atLeast(values, (valueColumns + Gemm.STEP) * SLICE);
            sums = atLeast(sums, panels * (valueColumns + Gemm.STEP) * Gemm.PANEL);
            state = atLeast(state, 3 * panels * Gemm.PANEL);
            row = atLeast(row, Math.max(SLICE + Gemm.PANEL, Math.max(keyColumns, valueColumns)));
        }

        static float[] atLeast(float[] array, int length) {
            return array.length < length ? new float[length] : array;
        }
    }

    /**
     * @param unitHeads heads that share a key head
     * @param q the parts of a query, one after the other
     */
    PanelAttention(Plan plan, Place out, int unitHeads, float scale, Place... q) {
        this.out = out;
        this.q = q;
        this.scale = scale;
        this.unitHeads = unitHeads;
        headGroups = out.view().groups() / unitHeads;
        keyColumns = Arrays.stream(q).mapToInt(part -> part.view().columns()).sum();
        valueColumns = out.view().columns();
        panelTokens = Math.max(1, Gemm.PANEL / unitHeads);
        int panels = Math.ceilDiv(Math.min(mostTokens(), plan.limits().tokens()), panelTokens);
        queries = plan.perThread("panels of queries", 4L * panels * Gemm.PANEL * keyColumns);
        weights = plan.perThread("attention weights", 4L * TILE * Gemm.PANEL);
        scratch = plan.panelScratch();
        for (Scratch each : scratch) {
            each.need(keyColumns, valueColumns, panels);
        }
        blockFirst = new int[plan.limits().tokens()];
        blockEnd = new int[plan.limits().tokens()];
    }

    final Batch step() {
        return step;
    }

    /** Tokens of a unit at most. */
    final int mostTokens() {
        return Math.max(1, QUERIES / (panelTokens * unitHeads)) * panelTokens;
    }

    /** Attends for all tokens of a step. What comes out does not depend on the number of threads. */
    void run(Batch batch, Pool pool) {
        step = batch;
        int worth = Math.ceilDiv(batch.tokens * headGroups, pool.threads() * UNITS_PER_THREAD);
        int share = Math.ceilDiv(Math.max(LEAST_TOKENS, worth), panelTokens) * panelTokens;
        int most = pool.threads() == 1 ? mostTokens() : Math.min(mostTokens(), share);
        blocks = 0;
        for (int t = 0; t < batch.tokens; t++) {
            boolean joins = blocks > 0 && t - blockFirst[blocks - 1] < most
                    && batch.sequence[t] == batch.sequence[blockFirst[blocks - 1]];
            if (!joins) {
                blockFirst[blocks++] = t;
            }
            blockEnd[blocks - 1] = t + 1;
        }
        pool.run(this, blocks * headGroups);
    }

    @Override
    public final void work(int chunk, int thread) {
        int block = chunk / headGroups;
        int group = chunk % headGroups;
        int first = blockFirst[block];
        int end = blockEnd[block];
        Scratch own = scratch[thread];
        begin(group, own, thread);
        int panels = Math.ceilDiv(end - first, panelTokens);
        int sumFloats = (valueColumns + Gemm.STEP) * Gemm.PANEL;
        for (int p = 0; p < panels; p++) {
            int from = first + p * panelTokens;
            pack(own, from, Math.min(end, from + panelTokens), group, panel(queries.at(thread), p));
        }
        Arrays.fill(own.sums, 0, panels * sumFloats, 0);
        Arrays.fill(own.state, 0, 3 * panels * Gemm.PANEL, 0);
        for (int p = 0; p < panels; p++) {
            int from = first + p * panelTokens;
            int width = width((Math.min(end, from + panelTokens) - from) * unitHeads);
            Arrays.fill(own.state, 3 * p * Gemm.PANEL, 3 * p * Gemm.PANEL + width, Float.NEGATIVE_INFINITY);
        }
        int seen = step.position[end - 1] + 1;
        for (int position = 0; position < seen; position += TILE) {
            int keys = Math.min(TILE, seen - position);
            keys(group, step.sequence[first], position, keys, own, thread);
            for (int p = 0; p < panels; p++) {
                int from = first + p * panelTokens;
                attend(own, from, Math.min(end, from + panelTokens), position, keys, panel(queries.at(thread), p), p * sumFloats,
                        3 * p * Gemm.PANEL, thread);
            }
        }
        for (int p = 0; p < panels; p++) {
            int from = first + p * panelTokens;
            store(own, from, Math.min(end, from + panelTokens), group, p * sumFloats, 3 * p * Gemm.PANEL);
        }
    }

    /** Prepares for a key head. */
    abstract void begin(int group, Scratch own, int thread);

    /** Puts keys and values of some positions in place; those behind the last may hold anything. */
    abstract void keys(int group, int sequence, int position, int count, Scratch own, int thread);

    private long panel(long at, int panel) {
        return at + 4L * panel * Gemm.PANEL * keyColumns;
    }

    private static int width(int queries) {
        return Math.ceilDiv(queries, L) * L;
    }

    /** Scaled queries, {@code [column][query]}. */
    private void pack(Scratch own, int first, int end, int group, long to) {
        int count = (end - first) * unitHeads;
        int width = width(count);
        int column = 0;
        for (Place part : q) {
            int columns = part.view().columns();
            for (int c = 0; c < columns; c += SLICE) {
                int slice = Math.min(SLICE, columns - c);
                Arrays.fill(own.panel, 0, slice * width, 0);
                for (int r = 0; r < count; r++) {
                    load(part.group(first + r / unitHeads, group * unitHeads + r % unitHeads) + 4L * c, own.row, 0, slice);
                    for (int i = 0, at = r; i < slice; i++, at += width) {
                        own.panel[at] = own.row[i] * scale;
                    }
                }
                MemorySegment.copy(own.panel, 0, Native.ALL, JAVA_FLOAT_UNALIGNED, to + 4L * column * width, slice * width);
                column += slice;
            }
        }
    }

    /** Takes a tile of keys into account for the queries of a panel. */
    private void attend(Scratch own, int first, int end, int position, int count, long panel, int sums, int state, int thread) {
        int keys = Math.min(count, step.position[end - 1] + 1 - position);
        if (keys <= 0) {
            return;
        }
        int queryCount = (end - first) * unitHeads;
        int width = width(queryCount);
        Arrays.fill(own.scores, 0, keys * width, 0);
        for (int c = 0; c < keyColumns; c += SLICE) {
            Gemm.multiply(own.keys, c * TILE, keys, panel + 4L * c * width, width / L, Math.min(SLICE, keyColumns - c),
                    own.scores, 0);
        }
        if (step.position[first] + 1 - position < keys) {
            for (int r = 0; r < width; r++) {
                own.end[r] = r < queryCount ? Math.clamp(step.position[first + r / unitHeads] + 1L - position, 0, keys) : keys;
            }
            PanelSoftmax.hide(own.scores, keys, width, own.begin, own.end);
        }
        if (PanelSoftmax.add(own.scores, keys, width, own.state, state, weights.at(thread))) {
            PanelSoftmax.scale(own.sums, sums, valueColumns, width, own.state, state + 2 * width);
        }
        Gemm.multiply(own.values, 0, valueColumns, weights.at(thread), width / L, keys, own.sums, sums);
    }

    private void store(Scratch own, int first, int end, int group, int sums, int state) {
        int count = (end - first) * unitHeads;
        int width = width(count);
        for (int r = 0; r < count; r++) {
            float factor = 1 / own.state[state + width + r];
            for (int c = 0, at = sums + r; c < valueColumns; c++, at += width) {
                own.row[c] = own.sums[at] * factor;
            }
            MemorySegment.copy(own.row, 0, Native.ALL, JAVA_FLOAT_UNALIGNED,
                    out.group(first + r / unitHeads, group * unitHeads + r % unitHeads), valueColumns);
        }
    }

    static void load(long from, float[] to, int at, int count) {
        MemorySegment.copy(Native.ALL, JAVA_FLOAT_UNALIGNED, from, to, at, count);
    }
}
