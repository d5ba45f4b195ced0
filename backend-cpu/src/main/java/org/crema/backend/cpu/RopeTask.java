package org.crema.backend.cpu;

import static org.crema.backend.cpu.Native.f32;

import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Place;
import org.crema.kernels.Op;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rows;

/** Rotary position embedding. The cosines and sines of a step's positions are computed once for all ropes of a rotation. */
final class RopeTask extends RowTask {
    /** Roughly what a sine and a cosine cost, in nanoseconds. */
    private static final int TURN_NANOS = 50;

    private final Place out;
    private final Place in;
    private final Turns turns;
    private final int pairs;
    private final int groups;
    private final boolean adjacent;

    RopeTask(Plan plan, Op.Rope op) {
        super(op.in().rows(), op.in().width());
        out = plan.place(op.out());
        in = plan.place(op.in());
        turns = plan.turns(op.rotation());
        pairs = op.rotation().dims() / 2;
        groups = op.in().groups();
        adjacent = op.rotation().pairing() == Rotation.Pairing.ADJACENT;
    }

    @Override
    public void run(Batch step, Pool pool) {
        turns.prepare(step, pool);
        super.run(step, pool);
    }

    @Override
    void row(Batch step, int row, int thread) {
        long turn = turns.row(row);
        long next = adjacent ? 4 : 4L * pairs;
        long pair = adjacent ? 8 : 4;
        for (int g = 0; g < groups; g++) {
            long from = in.group(row, g);
            long to = out.group(row, g);
            for (long i = 0; i < pairs; i++) {
                float cos = f32(turn + 8 * i);
                float sin = f32(turn + 8 * i + 4);
                float a = f32(from + pair * i);
                float b = f32(from + pair * i + next);
                f32(to + pair * i, a * cos - b * sin);
                f32(to + pair * i + next, a * sin + b * cos);
            }
        }
    }

    /** Cosine and sine of every pair, for each token of the step. */
    static final class Turns extends RowTask {
        private final Buffer table;
        private final double[] frequencies;
        private final float magnitude;
        private long step = -1;

        Turns(Plan plan, Rotation rotation) {
            super(Rows.TOKENS, (long) TURN_NANOS * rotation.dims());
            table = plan.own("rotations", 4L * rotation.dims() * plan.limits().tokens());
            frequencies = rotation.frequencies().stream().mapToDouble(Double::doubleValue).toArray();
            magnitude = rotation.magnitude();
        }

        /** Computes the table unless this step has it already. */
        void prepare(Batch batch, Pool pool) {
            if (step != batch.number()) {
                run(batch, pool);
                step = batch.number();
            }
        }

        long row(int row) {
            return table.at() + 8L * row * frequencies.length;
        }

        @Override
        void row(Batch batch, int row, int thread) {
            long at = row(row);
            for (int i = 0; i < frequencies.length; i++) {
                double angle = batch.position[row] * frequencies[i];
                f32(at + 8L * i, (float) Math.cos(angle) * magnitude);
                f32(at + 8L * i + 4, (float) Math.sin(angle) * magnitude);
            }
        }
    }
}
