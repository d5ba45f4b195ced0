package org.crema.backend.cpu;

import static org.crema.backend.cpu.Native.f32;
import static org.crema.backend.cpu.Native.i16;
import static org.crema.backend.cpu.Native.i8;

import org.crema.backend.cpu.Plan.Buffer;
import org.crema.backend.cpu.Plan.Matrix;
import org.crema.backend.cpu.Plan.Place;
import org.crema.kernels.Cache;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Op;
import org.crema.kernels.View;
import org.crema.kernels.quant.QuantType;

/** The ops that treat every row by itself. */
final class RowTasks {
    private static final Lanes LANES = Lanes.BEST;

    /** Elements per nanosecond of a simple loop over rows in the cache, for deciding what is worth sharing. */
    private static final int SIMPLE = 8;

    private RowTasks() {}

    static Task embed(Plan plan, Op.Embed op) {
        Place out = plan.place(op.out());
        Matrix table = plan.matrix(op.table());
        Decoder decoder = Decoder.of(table.type);
        return new RowTask(op.out().rows(), table.columns) {
            @Override
            void row(Batch step, int row, int thread) {
                int token = step.token[row];
                if (token < 0 || token >= table.rows) {
                    throw new DeviceException("token " + token + " is not one of the " + table.rows + " of " + table.weight);
                }
                decoder.decode(table.at(0) + token * table.rowBytes, table.columns, out.row(row));
            }
        };
    }

    static Task rmsNorm(Plan plan, Op.RmsNorm op) {
        Place out = plan.place(op.out());
        Place in = plan.place(op.in());
        Plan.Vector weight = plan.vector(op.weight());
        int columns = op.in().columns();
        int groups = op.in().groups();
        float eps = op.eps();
        return new RowTask(op.in().rows(), op.in().width() / SIMPLE * 2) {
            @Override
            void row(Batch step, int row, int thread) {
                for (int g = 0; g < groups; g++) {
                    long from = in.group(row, g);
                    float mean = LANES.sumOfSquares(from, columns) / columns;
                    LANES.scale(out.group(row, g), from, (float) (1 / Math.sqrt(mean + eps)), weight.at(), columns);
                }
            }
        };
    }

    static Task add(Plan plan, Op.Add op) {
        Place out = plan.place(op.out());
        Place a = plan.place(op.a());
        Place b = plan.place(op.b());
        int runs = runs(op.out(), op.a(), op.b());
        int columns = op.out().width() / runs;
        return new RowTask(op.out().rows(), op.out().width() / SIMPLE) {
            @Override
            void row(Batch step, int row, int thread) {
                for (int g = 0; g < runs; g++) {
                    LANES.add(out.group(row, g), a.group(row, g), b.group(row, g), columns);
                }
            }
        };
    }

    static Task swiGlu(Plan plan, Op.SwiGlu op) {
        Place out = plan.place(op.out());
        Place gate = plan.place(op.gate());
        Place up = plan.place(op.up());
        int runs = runs(op.out(), op.gate(), op.up());
        int columns = op.out().width() / runs;
        return new RowTask(op.out().rows(), op.out().width()) {
            @Override
            void row(Batch step, int row, int thread) {
                for (int g = 0; g < runs; g++) {
                    LANES.swiGlu(out.group(row, g), gate.group(row, g), up.group(row, g), columns);
                }
            }
        };
    }

    static Task expertSum(Plan plan, Op.ExpertSum op) {
        Place out = plan.place(op.out());
        Place in = plan.place(op.in());
        Place weights = plan.place(op.weights());
        int used = op.weights().width();
        int width = op.out().width();
        return new RowTask(op.out().rows(), width * (long) used / SIMPLE) {
            @Override
            void row(Batch step, int row, int thread) {
                Native.zero(out.row(row), 4L * width);
                LANES.mix(weights.row(row), weights.stride(), 1, in.row(row * used), in.stride(), used, width, out.row(row),
                        out.stride());
            }
        };
    }

    static Task selectRows(Plan plan, Op.SelectRows op) {
        Place out = plan.place(op.out());
        Place in = plan.place(op.in());
        int width = op.out().width();
        return new RowTask(op.out().rows(), width / SIMPLE) {
            @Override
            void row(Batch step, int row, int thread) {
                Native.copy(in.row(step.output[row]), out.row(row), 4L * width);
            }
        };
    }

    static Task cacheWrite(Plan plan, Op.CacheWrite op) {
        Buffer cache = plan.cache(op.target());
        Cache.Type type = plan.options().cacheType();
        int columns = op.target().columns();
        long rowBytes = type.rowBytes(columns);
        Buffer rows = plan.perThread("cache row", 4L * columns);
        Place[] in = op.in().stream().map(plan::place).toArray(Place[]::new);
        return new RowTask(op.in().getFirst().rows(), columns) {
            @Override
            void row(Batch step, int row, int thread) {
                long to = cache.at() + step.cacheRow(step.sequence[row], step.position[row]) * rowBytes;
                long gathered = type == Cache.Type.F32 ? to : rows.at(thread);
                long at = gathered;
                for (Place place : in) {
                    View view = place.view();
                    for (int g = 0; g < view.groups(); g++) {
                        Native.copy(place.group(row, g), at, 4L * view.columns());
                        at += 4L * view.columns();
                    }
                }
                switch (type) {
                    case F32 -> {
                        // Gathered in place.
                    }
                    case F16 -> halve(gathered, columns, to);
                    case Q8_0 -> quantise(gathered, columns, to);
                }
            }
        };
    }

    private static void halve(long in, int columns, long out) {
        for (long c = 0; c < columns; c++) {
            i16(out + 2 * c, Float.floatToFloat16(f32(in + 4 * c)));
        }
    }

    /** Blocks of 32 as in Q8_0: the scale is the largest magnitude / 127, kept as a half. */
    private static void quantise(long in, int columns, long out) {
        int size = QuantType.Q8_0.blockSize();
        for (int b = 0; b < columns / size; b++) {
            long from = in + 4L * b * size;
            long to = out + (long) b * QuantType.Q8_0.blockBytes();
            float most = 0;
            for (long c = 0; c < size; c++) {
                most = Math.max(most, Math.abs(f32(from + 4 * c)));
            }
            float scale = most / 127;
            float inverse = scale == 0 ? 0 : 1 / scale;
            i16(to, Float.floatToFloat16(scale));
            for (long c = 0; c < size; c++) {
                float scaled = f32(from + 4 * c) * inverse;
                // Clamped, for where the scale is so small that its inverse overflows.
                float magnitude = Math.min(Math.abs(scaled), 127) + 0.5f;
                i8(to + 2 + c, (byte) Math.copySign((float) (int) magnitude, scaled));
            }
        }
    }

    /** Groups to walk over: one if no view has gaps. */
    private static int runs(View... views) {
        for (View view : views) {
            if (!view.contiguous()) {
                return views[0].groups();
            }
        }
        return 1;
    }
}
