package org.crema.backend.cpu;

import java.util.Arrays;
import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Matrix;
import org.crema.backend.cpu.Plan.Place;
import org.crema.backend.cpu.kernel.Activations;
import org.crema.backend.cpu.kernel.Gemm;

/**
 * Products of activation rows with matrices, as a list of blocks: in each, some rows meet one matrix. A whole {@code MatMul} is one
 * block, the experts of a layer or the heads of an attention are a block each. Filled anew for every use; nothing is allocated.
 *
 * <p>A block of few rows goes to the mat-vec kernel of its type, one of more rows to a {@link org.crema.backend.cpu.kernel.MatMul}; both want their
 * activations packed, which is done first, once for all blocks that read the same rows in the same order. Without vectors, weights
 * are decoded row by row and multiplied in plain loops.
 */
final class Product {
    /** What a chunk should cost at least, in nanoseconds. */
    private static final double CHUNK_NANOS = 5_000;
    private static final int CHUNKS_PER_THREAD = 4;
    /** Most rows of a block that products of few rows take, of any matrix. */
    private static final int FEW = 5;
    /** Bytes of weights that several rows are multiplied by in turn, so that all but the first find them in the cache. */
    private static final int TURN_BYTES = 256 << 10;
    /** Rows of weights that chunks are multiples of: for mat-vec, and what every micro-kernel's tile divides. */
    private static final int FEW_STEP = 4;
    private static final int TILE_STEP = 24;

    // Rough costs, to share the work by: weights per nanosecond through the mat-vec kernel, decoded to tiles, multiplied in tiles,
    // decoded by the scalar codec; activations packed.
    private static final double MAT_VEC = 15;
    private static final double TILED = 8;
    private static final double MULTIPLIED = 60;
    private static final double INT8_MAT_VEC = 45;
    private static final double INT8_TILED = 25;
    private static final double INT8_MULTIPLIED = 130;
    private static final double DECODED = 1;
    private static final double PACKED = 1;

    private final Buffer vectors;
    private final Buffer panels;
    /** Of each thread: tiles of the kernels, or rows decoded without them. */
    private final Gemm.Scratch[] scratch;
    private final Buffer decoded;
    private final Job packJob = new Job(this::pack);
    private final Job multiplyJob = new Job(this::multiply);

    /** Rows of all blocks: which row of the block's input and output. */
    private int[] inRow = new int[0];
    private int[] outRow = new int[0];
    /** The same as addresses, for the path without kernels. */
    private long[] x = new long[0];
    private long[] out = new long[0];

    private Matrix[] matrix = new Matrix[0];
    private long[] weights = new long[0];
    private long[] bias = new long[0];
    private long[] inAt = new long[0];
    private long[] inStride = new long[0];
    private long[] outAt = new long[0];
    private long[] outStride = new long[0];
    private int[] from = new int[0];
    private int[] to = new int[0];
    /** First block with the same rows and the same input. */
    private int[] like = new int[0];
    private long[] panelsAt = new long[0];
    /** Of a block's few rows, the packed vectors. */
    private long[] packedAt = new long[0];
    private int[] chunkRows = new int[0];
    private int[] firstChunk = new int[1];

    /** Of each thing to pack: the panel of a block, or -1 for a vector. */
    private int[] packPanel = new int[0];
    private int[] packBlock = new int[0];
    private long[] packFrom = new long[0];
    private long[] packTo = new long[0];

    private int rows;
    private int blocks;
    private int packs;
    private int packChunks;

    /** Kept apart from the product, so that its two phases can be handed out. */
    private record Job(Pool.Job phase) implements Pool.Job {
        @Override
        public void work(int chunk, int thread) {
            phase.work(chunk, thread);
        }
    }

    Product(Plan plan) {
        vectors = plan.shared("packed vectors", 0);
        panels = plan.shared("packed panels", 0);
        scratch = plan.scratch();
        decoded = plan.perThread("tiles", 0);
    }

    /**
     * Makes room for blocks with a matrix like this.
     *
     * @param mostRows rows of all blocks that do not repeat another's
     * @param mostBlocks blocks that do not repeat another's rows
     * @param repeats blocks for each set of rows
     */
    Product need(Plan plan, Matrix with, int mostRows, int mostBlocks, int repeats) {
        if (with.kernel == null) {
            plan.perThread("tiles", 4L * with.columns * tileRows(with));
        } else {
            long packed = Plan.align(with.few.activations().packedBytes(with.columns));
            plan.shared("packed vectors", packed * Math.min(mostRows, with.fewRows * mostBlocks) * repeats);
            plan.shared("packed panels", mostRows <= with.fewRows ? 0 : repeats * panelBytes(with, mostRows, mostBlocks));
        }
        if (mostRows > inRow.length) {
            inRow = new int[mostRows];
            outRow = new int[mostRows];
            x = new long[mostRows];
            out = new long[mostRows];
        }
        int all = mostBlocks * repeats;
        if (all > matrix.length) {
            matrix = new Matrix[all];
            weights = new long[all];
            bias = new long[all];
            inAt = new long[all];
            inStride = new long[all];
            outAt = new long[all];
            outStride = new long[all];
            from = new int[all];
            to = new int[all];
            like = new int[all];
            panelsAt = new long[all];
            packedAt = new long[FEW * all];
            chunkRows = new int[all];
            firstChunk = new int[all + 1];
        }
        int mostPacks = FEW * all + repeats * (mostRows / FEW + mostBlocks);
        if (mostPacks > packPanel.length) {
            packPanel = new int[mostPacks];
            packBlock = new int[mostPacks];
            packFrom = new long[mostPacks];
            packTo = new long[mostPacks];
        }
        return this;
    }

    /** Of so many rows in so many blocks, however they are dealt out: no more than all in one, and one row in each of the others. */
    private static long panelBytes(Matrix m, int rows, int blocks) {
        return m.many.panelBytes(rows, m.columns) + (blocks - 1) * m.many.panelBytes(1, m.columns)
                + (long) blocks * Plan.ALIGNMENT;
    }

    /** Forgets all blocks. */
    void clear() {
        rows = 0;
        blocks = 0;
    }

    /** Begins a block with one of the matrices, from a group of the input to a group of the output; {@link #row} adds its rows. */
    void block(Matrix with, int index, Place in, int inGroup, Place target, int outGroup, long biasAt) {
        block(with, index, in.group(0, inGroup), in.stride(), target.group(0, outGroup), target.stride(), biasAt);
    }

    /** The same with addresses of group and row 0, and bytes from row to row. */
    void block(Matrix with, int index, long in, long inBytes, long target, long outBytes, long biasAt) {
        inAt[blocks] = in;
        inStride[blocks] = inBytes;
        from[blocks] = rows;
        to[blocks] = rows;
        like[blocks] = blocks;
        add(with, index, target, outBytes, biasAt);
    }

    /** Adds a block with the rows and the input of an earlier one, and no rows of its own. Only with kernels. */
    void repeat(int earlier, Matrix with, int index, Place target, long biasAt) {
        inAt[blocks] = inAt[earlier];
        inStride[blocks] = inStride[earlier];
        from[blocks] = from[earlier];
        to[blocks] = to[earlier];
        like[blocks] = earlier;
        add(with, index, target.row(0), target.stride(), biasAt);
    }

    private void add(Matrix with, int index, long target, long outBytes, long biasAt) {
        matrix[blocks] = with;
        weights[blocks] = with.at(index);
        bias[blocks] = biasAt;
        outAt[blocks] = target;
        outStride[blocks] = outBytes;
        blocks++;
    }

    /** Adds a row to the block that was begun last. */
    void row(int in, int target) {
        inRow[rows] = in;
        outRow[rows] = target;
        rows++;
        to[blocks - 1] = rows;
    }

    /** Computes all blocks. */
    void run(Pool pool) {
        planPacking();
        double packNanos = 0;
        for (int p = 0; p < packs; p++) {
            packNanos += matrix[packBlock[p]].columns * (packPanel[p] < 0 ? 1 : Gemm.PANEL) / PACKED;
        }
        if (packs > 0) {
            packChunks = packNanos < 2 * CHUNK_NANOS || pool.threads() == 1
                    ? 1
                    : Math.min(packs, pool.threads() * CHUNKS_PER_THREAD);
            pool.run(packJob, packChunks);
        }
        pool.run(multiplyJob, planChunks(pool.threads()));
    }

    /** Decides which activations have to be packed, and to where. */
    private void planPacking() {
        packs = 0;
        long vectorAt = vectors.at();
        long panelAt = panels.at();
        for (int b = 0; b < blocks; b++) {
            Matrix m = matrix[b];
            int count = to[b] - from[b];
            if (m.kernel == null) {
                for (int i = from[b]; i < to[b]; i++) {
                    x[i] = inAt[b] + inRow[i] * inStride[b];
                    out[i] = outAt[b] + outRow[i] * outStride[b];
                }
            } else if (count <= m.fewRows) {
                Activations form = m.few.activations();
                for (int i = 0; i < count; i++) {
                    long source = inAt[b] + inRow[from[b] + i] * inStride[b];
                    long target = form.isPlain() ? source : packed(form, source, m.columns);
                    if (target == 0) {
                        target = vectorAt;
                        vectorAt += Plan.align(form.packedBytes(m.columns));
                        addPack(-1, b, source, target);
                    }
                    packedAt[FEW * b + i] = target;
                }
            } else {
                int earlier = like[b];
                if (earlier < b && matrix[earlier].many.form().equals(m.many.form())) {
                    panelsAt[b] = panelsAt[earlier];
                } else {
                    panelsAt[b] = panelAt;
                    panelAt += Plan.align(m.many.panelBytes(count, m.columns));
                    for (int panel = 0; panel < Gemm.panels(count); panel++) {
                        addPack(panel, b, 0, 0);
                    }
                }
            }
        }
    }

    /** Where a vector is packed already; 0 if nowhere. */
    private long packed(Activations form, long source, int columns) {
        for (int p = 0; p < packs; p++) {
            if (packFrom[p] == source && matrix[packBlock[p]].few.activations().equals(form)
                    && matrix[packBlock[p]].columns == columns) {
                return packTo[p];
            }
        }
        return 0;
    }

    private void addPack(int panel, int block, long source, long target) {
        packPanel[packs] = panel;
        packBlock[packs] = block;
        packFrom[packs] = source;
        packTo[packs] = target;
        packs++;
    }

    private void pack(int chunk, int thread) {
        int end = (int) ((long) packs * (chunk + 1) / packChunks);
        for (int p = (int) ((long) packs * chunk / packChunks); p < end; p++) {
            int b = packBlock[p];
            if (packPanel[p] < 0) {
                matrix[b].few.activations().pack(packFrom[p], matrix[b].columns, packTo[p]);
            } else {
                matrix[b].many.packPanels(inAt[b], inStride[b] / Float.BYTES, inRow, from[b], to[b] - from[b], matrix[b].columns,
                        packPanel[p], packPanel[p] + 1, panelsAt[b], scratch[thread]);
            }
        }
    }

    private int planChunks(int threads) {
        double total = 0;
        for (int b = 0; b < blocks; b++) {
            total += matrix[b].rows * rowNanos(b);
        }
        double target = Math.max(CHUNK_NANOS, threads == 1 ? total : total / (threads * CHUNKS_PER_THREAD));
        int chunks = 0;
        for (int b = 0; b < blocks; b++) {
            firstChunk[b] = chunks;
            int count = to[b] - from[b];
            if (count > 0) {
                int step = matrix[b].kernel == null || count <= matrix[b].fewRows ? FEW_STEP : TILE_STEP;
                double worth = target / rowNanos(b);
                step = step == TILE_STEP && worth > Gemm.TILE_ROWS ? Gemm.TILE_ROWS : step;
                chunkRows[b] = (int) Math.min(Math.ceil(worth / step) * step, matrix[b].rows);
                chunks += Math.ceilDiv(matrix[b].rows, chunkRows[b]);
            }
        }
        firstChunk[blocks] = chunks;
        return chunks;
    }

    private double rowNanos(int b) {
        int count = to[b] - from[b];
        int columns = matrix[b].columns;
        if (count == 0) {
            return 0;
        }
        if (matrix[b].kernel == null) {
            return columns * (1 / DECODED + count);
        }
        if (matrix[b].int8 != null) {
            return columns * (count <= matrix[b].fewRows ? count / INT8_MAT_VEC : 1 / INT8_TILED + count / INT8_MULTIPLIED);
        }
        return columns * (count <= matrix[b].fewRows ? count / MAT_VEC : 1 / TILED + count / MULTIPLIED);
    }

    private void multiply(int chunk, int thread) {
        int b = Arrays.binarySearch(firstChunk, 0, blocks + 1, chunk);
        b = b < 0 ? -b - 2 : b;
        while (firstChunk[b + 1] <= chunk) {
            // Blocks without rows have no chunks: the search may have met one of them.
            b++;
        }
        Matrix m = matrix[b];
        int start = (chunk - firstChunk[b]) * chunkRows[b];
        int end = Math.min(start + chunkRows[b], m.rows);
        if (m.kernel == null) {
            plain(b, start, end, decoded.at(thread));
        } else if (to[b] - from[b] <= m.fewRows) {
            few(b, start, end, thread);
        } else {
            m.many.multiply(weights[b], m.rowBytes, start, end, m.columns, panelsAt[b], to[b] - from[b], outAt[b] + 4L * start,
                    outStride[b] / Float.BYTES, outRow, from[b], scratch[thread]);
        }
        if (bias[b] != 0) {
            for (int i = from[b]; i < to[b]; i++) {
                long sum = outAt[b] + outRow[i] * outStride[b] + 4L * start;
                Lanes.BEST.add(sum, sum, bias[b] + 4L * start, end - start);
            }
        }
    }

    private void few(int b, int start, int end, int thread) {
        Matrix m = matrix[b];
        int count = to[b] - from[b];
        int step = count == 1 ? end - start : (int) Math.max(FEW_STEP, TURN_BYTES / m.rowBytes / FEW_STEP * FEW_STEP);
        for (int r = start; r < end; r += step) {
            int last = Math.min(end, r + step);
            for (int i = 0; i < count; i++) {
                long result = outAt[b] + outRow[from[b] + i] * outStride[b] + 4L * r;
                long packed = packedAt[FEW * b + i];
                if (i == 0 && m.tuner != null) {
                    m.tuner.matVec(thread, weights[b], m.rowBytes, r, last, m.columns, packed, result);
                } else {
                    m.few.matVec(weights[b], m.rowBytes, r, last, m.columns, packed, result);
                }
            }
        }
    }

    /** Without kernels: rows are decoded some at a time. */
    private void plain(int b, int start, int end, long tile) {
        Matrix m = matrix[b];
        int step = tileRows(m);
        long stride = 4L * m.columns;
        for (int r = start; r < end; r += step) {
            int count = Math.min(step, end - r);
            for (int i = 0; i < count; i++) {
                m.decoder.decode(weights[b] + (r + i) * m.rowBytes, m.columns, tile + i * stride);
            }
            Lanes.BEST.dots(x, from[b], to[b], tile, stride, count, m.columns, out, r, 0);
        }
    }

    private static int tileRows(Matrix matrix) {
        int fit = TURN_BYTES / (4 * matrix.columns) / FEW_STEP * FEW_STEP;
        return Math.min(matrix.rows, Math.max(FEW_STEP, fit));
    }
}
