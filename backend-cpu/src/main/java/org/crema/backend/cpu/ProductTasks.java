package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.crema.backend.cpu.Native.i32;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Matrix;
import org.crema.backend.cpu.Plan.Place;
import org.crema.backend.cpu.Plan.Vector;
import org.crema.backend.cpu.kernel.Gemm;
import org.crema.backend.cpu.kernel.MatKernel;
import org.crema.backend.cpu.kernel.TileMix;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Op;
import org.crema.kernels.Rows;

/** The ops that are products with weights. */
final class ProductTasks {
    private ProductTasks() {}

    /** Products of the same rows with one or several matrices. */
    static Task matMuls(Plan plan, List<Op.MatMul> ops) {
        Op.MatMul head = ops.getFirst();
        Place in = plan.place(head.in());
        Rows rows = head.out().rows();
        Place[] out = ops.stream().map(op -> plan.place(op.out())).toArray(Place[]::new);
        Matrix[] matrix = ops.stream().map(op -> plan.matrix(op.weight())).toArray(Matrix[]::new);
        Vector[] bias = ops.stream().map(op -> op.bias().map(plan::vector).orElse(null)).toArray(Vector[]::new);
        Product product = null;
        for (Matrix each : matrix) {
            product = plan.product(each, rows.most(plan.limits()), 1, matrix.length);
        }
        Product engine = product;
        return (step, pool) -> {
            engine.clear();
            engine.block(matrix[0], 0, in, 0, out[0], 0, at(bias[0]));
            int count = step.rows(rows);
            for (int r = 0; r < count; r++) {
                engine.row(r, r);
            }
            for (int i = 1; i < matrix.length; i++) {
                engine.repeat(0, matrix[i], 0, out[i], at(bias[i]));
            }
            engine.run(pool);
        };
    }

    private static long at(Vector bias) {
        return bias == null ? 0 : bias.at();
    }

    static Task gateExperts(Plan plan, Op.GateExperts op) {
        Place in = plan.place(op.in());
        Matrix router = plan.matrix(op.router());
        Rows rows = op.ids().rows();
        int experts = op.routing().experts();
        Buffer logits = plan.shared("router logits", 4L * experts * rows.most(plan.limits()));
        Product product = plan.product(router, rows.most(plan.limits()), 1, 1);
        Task gate = new GateTask(plan, op, logits);
        return (step, pool) -> {
            product.clear();
            product.block(router, 0, in.row(0), in.stride(), logits.at(), 4L * experts, 0);
            int count = step.rows(rows);
            for (int r = 0; r < count; r++) {
                product.row(r, r);
            }
            product.run(pool);
            gate.run(step, pool);
        };
    }

    /** The chosen experts' products of the same rows with one or several tensors. */
    static Task expertMatMuls(Plan plan, List<Op.ExpertMatMul> ops) {
        Op.ExpertMatMul head = ops.getFirst();
        Place in = plan.place(head.in());
        Place ids = plan.place(head.ids());
        Place[] out = ops.stream().map(op -> plan.place(op.out())).toArray(Place[]::new);
        Matrix[] matrix = ops.stream().map(op -> plan.matrix(op.weight())).toArray(Matrix[]::new);
        int experts = head.weight().count();
        int used = head.ids().width();
        boolean perPair = head.in().rows().equals(head.out().rows());
        int mostPairs = head.out().rows().most(plan.limits());
        Product product = null;
        for (Matrix each : matrix) {
            product = plan.product(each, mostPairs, Math.min(experts, mostPairs), matrix.length);
        }
        Product engine = product;
        Experts sorted = plan.experts(mostPairs, experts);
        return (step, pool) -> {
            sorted.sort(ids, step.rows(ids.view().rows()), used, experts);
            engine.clear();
            int blocks = 0;
            for (int e = 0; e < experts; e++) {
                if (sorted.end(e) > sorted.begin(e)) {
                    engine.block(matrix[0], e, in, 0, out[0], 0, 0);
                    for (int i = sorted.begin(e); i < sorted.end(e); i++) {
                        int pair = sorted.pair(i);
                        engine.row(perPair ? pair : pair / used, pair);
                    }
                    for (int i = 1; i < matrix.length; i++) {
                        engine.repeat(blocks, matrix[i], e, out[i], 0);
                    }
                    blocks += matrix.length;
                }
            }
            engine.run(pool);
        };
    }

    static Task headMatMul(Plan plan, Op.HeadMatMul op) {
        if (op.transposed()) {
            return new TransposedTask(plan, op);
        }
        Place out = plan.place(op.out());
        Place in = plan.place(op.in());
        Matrix matrix = plan.matrix(op.weight());
        int heads = op.weight().count();
        Rows rows = op.out().rows();
        Product product = plan.product(matrix, heads * rows.most(plan.limits()), heads, 1);
        return (step, pool) -> {
            product.clear();
            int count = step.rows(rows);
            for (int h = 0; h < heads; h++) {
                product.block(matrix, h, in, h, out, h, 0);
                for (int r = 0; r < count; r++) {
                    product.row(r, r);
                }
            }
            product.run(pool);
        };
    }

    /** The pairs of tokens and experts, by expert. */
    static final class Experts {
        private int[] pairs = new int[0];
        private int[] begin = new int[1];
        private int[] next = new int[0];

        void need(int mostPairs, int experts) {
            if (mostPairs > pairs.length) {
                pairs = new int[mostPairs];
            }
            if (experts > next.length) {
                begin = new int[experts + 1];
                next = new int[experts];
            }
        }

        void sort(Place ids, int tokens, int used, int experts) {
            Arrays.fill(next, 0, experts, 0);
            for (int t = 0; t < tokens; t++) {
                for (int j = 0; j < used; j++) {
                    int id = i32(ids.row(t) + 4L * j);
                    if (id < 0 || id >= experts) {
                        throw new DeviceException(
                                "expert " + id + " of token " + t + " is not one of the " + experts + " there are");
                    }
                    next[id]++;
                }
            }
            int at = 0;
            for (int e = 0; e < experts; e++) {
                begin[e] = at;
                at += next[e];
                next[e] = begin[e];
            }
            begin[experts] = at;
            for (int t = 0; t < tokens; t++) {
                for (int j = 0; j < used; j++) {
                    pairs[next[i32(ids.row(t) + 4L * j)]++] = t * used + j;
                }
            }
        }

        int begin(int expert) {
            return begin[expert];
        }

        int end(int expert) {
            return begin[expert + 1];
        }

        int pair(int index) {
            return pairs[index];
        }
    }

    /** {@code out[h] = in[h] · weight[h]}: mixes the rows of the matrix. */
    private static final class TransposedTask implements Task, Pool.Job {
        /** Tokens for which a decoded tile is not worth a copy. */
        private static final int FEW = 3;
        /** Tokens that share a decoded tile. */
        private static final int TOKENS = 64;
        /** Rows of a decoded tile. */
        private static final int TILE_ROWS = 32;

        private final Place out;
        private final Place in;
        private final Matrix matrix;
        private final Buffer tiles;
        private final Buffer slices;
        private final float[][] decoded;
        private final float[][] factors;
        private final float[][] mixed;
        private final Gemm.Scratch[] scratch;
        private final Rows rows;
        private final int heads;
        private int count;

        TransposedTask(Plan plan, Op.HeadMatMul op) {
            out = plan.place(op.out());
            in = plan.place(op.in());
            matrix = plan.matrix(op.weight());
            heads = op.weight().count();
            rows = op.out().rows();
            tiles = plan.perThread("tiles", 4L * TILE_ROWS * Math.max(matrix.columns, MatKernel.SLICE));
            decoded = new float[plan.threads()][TILE_ROWS * MatKernel.SLICE];
            factors = new float[plan.threads()][FEW * matrix.rows];
            mixed = new float[plan.threads()][FEW * MatKernel.SLICE];
            scratch = plan.scratch();
            slices = plan.perThread("slices", 4L * TOKENS * MatKernel.SLICE);
        }

        @Override
        public void run(Batch step, Pool pool) {
            count = step.rows(rows);
            pool.run(this, heads * Math.ceilDiv(count, TOKENS));
        }

        @Override
        public void work(int chunk, int thread) {
            int head = chunk % heads;
            int first = chunk / heads * TOKENS;
            int tokens = Math.min(TOKENS, count - first);
            if (matrix.kernel == null) {
                plain(head, first, tokens, tiles.at(thread));
                return;
            }
            if (tokens <= FEW) {
                if (matrix.int8 == null) {
                    few(head, first, tokens, thread);
                } else {
                    for (int t = first; t < first + tokens; t++) {
                        matrix.int8.mix(matrix.at(head), matrix.rowBytes, matrix.rows, matrix.columns, in.group(t, head),
                                out.group(t, head), scratch[thread]);
                    }
                }
                return;
            }
            for (int column = 0; column < matrix.columns; column += MatKernel.SLICE) {
                slice(head, first, tokens, column, Math.min(MatKernel.SLICE, matrix.columns - column), thread);
            }
        }

        /** Of few tokens: each mixes the tile where it was decoded. */
        private void few(int head, int first, int tokens, int thread) {
            float[] tile = decoded[thread];
            float[] from = factors[thread];
            float[] sums = mixed[thread];
            for (int t = 0; t < tokens; t++) {
                MemorySegment.copy(Native.ALL, JAVA_FLOAT_UNALIGNED, in.group(first + t, head), from, t * matrix.rows,
                        matrix.rows);
            }
            for (int column = 0; column < matrix.columns; column += MatKernel.SLICE) {
                int columns = Math.min(MatKernel.SLICE, matrix.columns - column);
                Arrays.fill(sums, 0);
                for (int r = 0; r < matrix.rows; r += TILE_ROWS) {
                    int tileRows = Math.min(TILE_ROWS, matrix.rows - r);
                    matrix.kernel.dequantTile(matrix.at(head), matrix.rowBytes, r, tileRows, column, columns, tile);
                    for (int t = 0; t < tokens; t++) {
                        TileMix.add(tile, tileRows, columns, from, t * matrix.rows + r, sums, t * MatKernel.SLICE);
                    }
                }
                for (int t = 0; t < tokens; t++) {
                    matrix.kernel.packing().restore(sums, t * MatKernel.SLICE, columns, tile);
                    MemorySegment.copy(tile, 0, Native.ALL, JAVA_FLOAT_UNALIGNED, out.group(first + t, head) + 4L * column,
                            columns);
                }
            }
        }

        /** Some columns of the result: summed up in the order of the kernel's tiles, then put in place. */
        private void slice(int head, int first, int tokens, int column, int columns, int thread) {
            long sums = slices.at(thread);
            long stride = 4L * MatKernel.SLICE;
            Native.zero(sums, tokens * stride);
            for (int r = 0; r < matrix.rows; r += TILE_ROWS) {
                int tileRows = Math.min(TILE_ROWS, matrix.rows - r);
                matrix.kernel.dequantTile(matrix.at(head), matrix.rowBytes, r, tileRows, column, columns, decoded[thread]);
                MemorySegment.copy(decoded[thread], 0, Native.ALL, JAVA_FLOAT, tiles.at(thread), tileRows * MatKernel.SLICE);
                Lanes.BEST.mix(in.group(first, head) + 4L * r, in.stride(), tokens, tiles.at(thread), stride, tileRows, columns,
                        sums,
                        stride);
            }
            for (int t = 0; t < tokens; t++) {
                matrix.kernel.packing().restore(sums + t * stride, columns, out.group(first + t, head) + 4L * column);
            }
        }

        private void plain(int head, int first, int tokens, long tile) {
            for (int t = first; t < first + tokens; t++) {
                Native.zero(out.group(t, head), 4L * matrix.columns);
            }
            long stride = 4L * matrix.columns;
            for (int r = 0; r < matrix.rows; r += TILE_ROWS) {
                int tileRows = Math.min(TILE_ROWS, matrix.rows - r);
                for (int i = 0; i < tileRows; i++) {
                    matrix.decoder.decode(matrix.at(head) + (r + i) * matrix.rowBytes, matrix.columns, tile + i * stride);
                }
                Lanes.BEST.mix(in.group(first, head) + 4L * r, in.stride(), tokens, tile, stride, tileRows, matrix.columns,
                        out.group(first, head), out.stride());
            }
        }
    }
}
