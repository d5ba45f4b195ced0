package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Matrix;
import org.crema.backend.cpu.kernel.Gemm;
import org.crema.backend.cpu.kernel.Packing;
import org.crema.backend.cpu.kernel.Species;
import org.crema.kernels.Cache;
import org.crema.kernels.Op;
import org.crema.kernels.Program;

/**
 * Latent attention with its two projections, as one task: {@code HeadMatMul}, {@code LatentAttention}, {@code HeadMatMul}. For few tokens
 * they run as they are: the key projection is absorbed into the query, every head meets the latent. For many, keys and values of each
 * head are expanded from the latent, tile by tile: a key then costs {@code nope + rope + value} multiply-adds a query and head, not
 * {@code 2 latent + rope}, and its expansion {@code latent · (nope + value)} once.
 */
final class ExpandedAttention extends PanelAttention implements Task {
    /** What a multiply-add of absorbed attention costs, in those of expanded attention. */
    private static final double ABSORBED = 1.3;
    /** What preparing a head's projections costs, in expanded keys. */
    private static final int PREPARED = 32;
    private static final int L = Species.LANES;

    private final Task[] absorbed;
    private final Buffer cache;
    private final CacheReader reader;
    private final long rowBytes;
    private final Sizes sizes;
    private final int latent;
    private final int nope;
    private final int rope;
    private final int value;
    private final Matrix keyUp;
    private final Matrix valueUp;
    private final boolean transposed;
    private final Buffer row;
    /** Of each thread, both projections of a head: panels of {@code [latent][outputs]}. */
    private final Buffer projections;

    /** Whether three ops are what this task does, and nobody else wants what passes between them. Only with vectors. */
    static boolean matches(Program part, List<Op> ops) {
        if (!(ops.get(0) instanceof Op.HeadMatMul keys)
                || !(ops.get(1) instanceof Op.LatentAttention attention)
                || !(ops.get(2) instanceof Op.HeadMatMul values)) {
            return false;
        }
        return attention.q().equals(keys.out()) && values.in().equals(attention.out()) && !values.transposed()
                && !keys.out().slot().equals(attention.out().slot()) && privately(part, keys) && privately(part, attention);
    }

    /** Whether only the next op reads what an op writes, the whole slot. */
    private static boolean privately(Program part, Op op) {
        var slot = op.writes().getFirst().slot();
        long readers = part.ops().stream().filter(other -> other.reads().stream().anyMatch(view -> view.slot().equals(slot)))
                .count();
        long writers = part.ops().stream().filter(other -> other.writes().stream().anyMatch(view -> view.slot().equals(slot)))
                .count();
        return readers == 1 && writers == 1 && !part.outputs().contains(slot) && !part.inputs().contains(slot);
    }

    ExpandedAttention(Plan plan, Op.HeadMatMul keys, Op.LatentAttention attention, Op.HeadMatMul values, Task... absorbed) {
        super(plan, plan.place(values.out()), 1, attention.scale(), plan.place(keys.in()), plan.place(attention.qRope()));
        this.absorbed = absorbed;
        Cache source = attention.source();
        cache = plan.cache(source);
        reader = CacheReader.of(plan.options().cacheType());
        rowBytes = plan.options().cacheType().rowBytes(source.columns());
        latent = attention.latent();
        rope = attention.qRope().columns();
        nope = keys.in().columns();
        value = values.out().columns();
        keyUp = plan.matrix(keys.weight());
        valueUp = plan.matrix(values.weight());
        sizes = new Sizes(latent, nope, rope, value);
        transposed = keys.transposed();
        row = plan.perThread("cache row of attention", 4L * source.columns());
        projections = plan.perThread("projections of a head", 4L * latent * (wide(nope) + wide(value)));
        for (Scratch each : plan.panelScratch()) {
            each.latents = Scratch.atLeast(each.latents, Math.ceilDiv(latent, SLICE) * TILE * SLICE);
            each.tile = Scratch.atLeast(each.tile, TILE * SLICE);
        }
    }

    private static int wide(int columns) {
        return Math.ceilDiv(columns, L) * L;
    }

    @Override
    public void run(Batch batch, Pool pool) {
        if (expands(batch)) {
            super.run(batch, pool);
        } else {
            for (Task task : absorbed) {
                task.run(batch, pool);
            }
        }
    }

    /** Whether a step costs less with expanded keys. Whatever the number of threads, so that they do not change the result. */
    private boolean expands(Batch batch) {
        double absorbing = 0;
        double expanding = 0;
        double seen = 0;
        for (int t = 0, first = 0; t < batch.tokens; t++) {
            seen += batch.position[t] + 1;
            int count = t + 1 - first;
            if (t + 1 == batch.tokens || batch.sequence[t + 1] != batch.sequence[t] || count == mostTokens()) {
                absorbing += sizes.absorbed(count, seen);
                expanding += sizes.expanded(batch.position[t] + 1, seen);
                first = t + 1;
                seen = 0;
            }
        }
        return expanding < absorbing;
    }

    /** Columns of a head; costs are those of its multiply-adds. */
    record Sizes(int latent, int nope, int rope, int value) {
        /**
         * @param tokens of a unit
         * @param seen keys that they see, all together
         */
        double absorbed(int tokens, double seen) {
            return ABSORBED * (tokens * once() + seen * (2 * latent + rope));
        }

        /**
         * @param keys that are expanded
         * @param seen keys that the tokens see, all together
         */
        double expanded(int keys, double seen) {
            return once() * (keys + PREPARED) + seen * (nope + rope + value);
        }

        private double once() {
            return (double) latent * (nope + value);
        }
    }

    @Override
    void begin(int head, Scratch own, int thread) {
        long to = projections.at(thread);
        if (transposed) {
            outputRows(keyUp, head, nope, to, own);
        } else {
            latentRows(keyUp, head, nope, to, own);
        }
        outputRows(valueUp, head, value, to + 4L * latent * wide(nope), own);
    }

    /** Panels of a projection whose rows are outputs: turned. */
    private void outputRows(Matrix matrix, int head, int outputs, long to, Scratch own) {
        for (int panel = 0; panel < outputs; panel += Gemm.PANEL) {
            int count = Math.min(Gemm.PANEL, outputs - panel);
            int width = wide(count);
            for (int column = 0; column < latent; column += SLICE) {
                int columns = Math.min(SLICE, latent - column);
                matrix.kernel.dequantTile(matrix.at(head), matrix.rowBytes, panel, count, column, columns, own.tile);
                // Behind the last row, up to the next vector, is whatever was there before: those outputs are not used.
                for (int r = 0; r < count; r += Packing.TOGETHER) {
                    matrix.kernel.packing().spreadTogether(own.tile, r * SLICE, columns, own.panel, r, width);
                }
                store(own.panel, to + 4L * ((long) panel * latent + column * width), columns * width);
            }
        }
    }

    /** Panels of a projection whose rows are columns of the latent. */
    private void latentRows(Matrix matrix, int head, int outputs, long to, Scratch own) {
        float[] tile = own.tile;
        float[] natural = own.row;
        for (int first = 0; first < latent; first += TILE) {
            int rows = Math.min(TILE, latent - first);
            for (int column = 0; column < outputs; column += SLICE) {
                int columns = Math.min(SLICE, outputs - column);
                matrix.kernel.dequantTile(matrix.at(head), matrix.rowBytes, first, rows, column, columns, tile);
                for (int r = 0; r < rows; r++) {
                    matrix.kernel.packing().restore(tile, r * SLICE, columns, natural);
                    for (int c = 0; c < columns; c += Gemm.PANEL) {
                        int panel = column + c;
                        int count = Math.min(Gemm.PANEL, columns - c);
                        int width = wide(Math.min(Gemm.PANEL, outputs - panel));
                        Arrays.fill(natural, c + count, c + width, 0);
                        MemorySegment.copy(natural, c, Native.ALL, JAVA_FLOAT_UNALIGNED,
                                to + 4L * ((long) panel * latent + (long) (first + r) * width), width);
                    }
                }
            }
        }
    }

    @Override
    void keys(int head, int sequence, int position, int count, Scratch own, int thread) {
        for (int k = 0; k < count; k++) {
            reader.read(cache.at() + step().cacheRow(sequence, position + k) * rowBytes, 0, latent + rope, row.at(thread));
            for (int c = 0; c < latent; c += SLICE) {
                load(row.at(thread) + 4L * c, own.latents, c * TILE + k * SLICE, Math.min(SLICE, latent - c));
            }
            for (int c = nope; c < nope + rope;) {
                int slice = Math.min(SLICE - c % SLICE, nope + rope - c);
                load(row.at(thread) + 4L * (latent + c - nope), own.keys, keyAt(k, c), slice);
                c += slice;
            }
        }
        for (int panel = 0; panel < nope; panel += Gemm.PANEL) {
            int outputs = Math.min(Gemm.PANEL, nope - panel);
            int width = wide(outputs);
            expand(own, count, projections.at(thread) + 4L * panel * latent, width);
            for (int k = 0; k < count; k++) {
                System.arraycopy(own.scores, k * width, own.keys, keyAt(k, panel), outputs);
            }
        }
        for (int panel = 0; panel < value; panel += Gemm.PANEL) {
            int outputs = Math.min(Gemm.PANEL, value - panel);
            int width = wide(outputs);
            expand(own, count, projections.at(thread) + 4L * latent * (wide(nope) + panel), width);
            for (int k = 0; k < count; k++) {
                for (int i = 0, from = k * width, at = panel * SLICE + k; i < outputs; i++, at += SLICE) {
                    own.values[at] = own.scores[from + i];
                }
            }
        }
    }

    /** One panel of outputs of a tile of latents, {@code [key][output]}. */
    private void expand(Scratch own, int count, long projection, int width) {
        Arrays.fill(own.scores, 0, count * width, 0);
        for (int c = 0; c < latent; c += SLICE) {
            Gemm.multiply(own.latents, c * TILE, count, projection + 4L * c * width, width / L, Math.min(SLICE, latent - c),
                    own.scores, 0);
        }
    }

    /** Where in the tile of keys a column of a key lies. */
    private static int keyAt(int key, int column) {
        return column / SLICE * TILE * SLICE + key * SLICE + column % SLICE;
    }

    private static void store(float[] from, long to, int count) {
        MemorySegment.copy(from, 0, Native.ALL, JAVA_FLOAT_UNALIGNED, to, count);
    }
}
