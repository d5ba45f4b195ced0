package org.crema.backend.cpu.kernel;

import org.crema.backend.cpu.soft.Window;
import org.crema.kernels.quant.QuantType;

/** What the generated kernels share: the walk over rows, and columns that do not fill a vector (types without blocks). */
abstract class BlockKernel implements MatKernel {
    private final QuantType type;
    private final Packing packing;
    private final int weights;
    private final int bytes;
    private final int lanes;
    private final int rows;
    private final Tuning tuning;

    /**
     * @param weights columns of a block
     * @param bytes bytes of a block
     * @param lanes floats of a vector of sums
     * @param rows rows that {@link #several} works on, 1 if there is no such method
     */
    BlockKernel(QuantType type, Packing packing, int weights, int bytes, int lanes, int rows, Tuning tuning) {
        this.type = type;
        this.packing = packing;
        this.weights = weights;
        this.bytes = bytes;
        this.lanes = lanes;
        this.rows = rows;
        this.tuning = tuning;
    }

    /** The lanes that add up to the products of {@code count} rows, one after the other, {@code step} bytes apart. */
    abstract void one(long weights, long step, int count, int blocks, long x, long sums);

    /** The same for some rows at once, to vectors {@code sumsStep} bytes apart. */
    void several(long weights, long step, int blocks, long x, long sums, long sumsStep) {
        throw new UnsupportedOperationException(type + " has no kernel for several rows");
    }

    /** Blocks of one row as floats. */
    abstract void tileRow(long weights, int blocks, float[] tile, int at);

    @Override
    public final QuantType type() {
        return type;
    }

    @Override
    public final Packing packing() {
        return packing;
    }

    @Override
    public final void matVec(long weights, long rowBytes, int from, int to, int columns, long packed, long out) {
        int blocks = columns / this.weights;
        int row = Starter.soft() ? softRows(weights, rowBytes, from, to, columns, packed, out) : from;
        LaneSums sums = LaneSums.ofThread();
        if (rows > 1 && tuning.together() && row == from) {
            row += together(weights + from * rowBytes, rowBytes, (to - from) / rows, blocks, packed, out, sums);
        }
        for (int count; row < to; row += count) {
            count = Math.min(LaneSums.ROWS, to - row);
            one(weights + row * rowBytes, rowBytes, count, blocks, packed, sums.at(0));
            sums.add(lanes, 0, count, out + (long) (row - from) * Float.BYTES);
        }
        int rest = columns % this.weights;
        if (rest > 0) {
            long last = weights + (long) blocks * bytes;
            long x = packed + (long) (columns - rest) * Float.BYTES;
            for (int r = from; r < to; r++) {
                long sum = out + (long) (r - from) * Float.BYTES;
                Memory.ALL.set(Memory.F32, sum, Memory.ALL.get(Memory.F32, sum) + restProduct(last + r * rowBytes, rest, x));
            }
        }
    }

    /** Takes rows {@link #several} at a time, as the tuning says; returns how many it took. */
    private int together(long weights, long rowBytes, int turns, int blocks, long packed, long out, LaneSums sums) {
        int each = LaneSums.ROWS / rows;
        for (int turn = 0, count; turn < turns; turn += count) {
            count = Math.min(each, turns - turn);
            long result = out + (long) turn * Float.BYTES;
            if (tuning.far()) {
                for (int i = 0; i < count; i++) {
                    several(weights + (turn + i) * rowBytes, turns * rowBytes, blocks, packed, sums.at(i), each * LaneSums.STEP);
                }
                for (int r = 0; r < rows; r++) {
                    sums.add(lanes, r * each, count, result + (long) r * turns * Float.BYTES);
                }
            } else {
                for (int i = 0; i < count; i++) {
                    several(weights + (turn + i) * rows * rowBytes, rowBytes, blocks, packed, sums.at(i * rows), LaneSums.STEP);
                }
                sums.add(lanes, 0, count * rows, out + (long) turn * rows * Float.BYTES);
            }
        }
        return turns * rows;
    }

    /** Over soft vectors, as long as they do the work; gives the first row that is left. */
    private int softRows(long weights, long rowBytes, int from, int to, int columns, long packed, long out) {
        SoftKernel soft = SoftKernel.of(type);
        int blocks = columns / this.weights;
        soft.ALL.activations(Memory.ALL, packed, (int) packing.packedFloats(columns));
        int row = from;
        for (; row < to && Starter.soft(); row++) {
            soft.ALL.weights(Memory.ALL, weights + row * rowBytes, blocks * bytes);
            soft.one(Window.WEIGHTS, 0, 1, blocks, Window.ACTIVATIONS, Window.SUMS);
            Memory.ALL.set(Memory.F32, out + (long) (row - from) * Float.BYTES, LaneSums.plain(soft.ALL.sums()));
        }
        return row;
    }

    private float restProduct(long weights, int columns, long x) {
        float sum = 0;
        for (int i = 0; i < columns; i++) {
            sum = Math.fma(weight(weights, i), Memory.ALL.get(Memory.F32, x + (long) i * Float.BYTES), sum);
        }
        return sum;
    }

    private float weight(long weights, int i) {
        return switch (type) {
            case F32 -> Memory.ALL.get(Memory.F32_LE, weights + 4L * i);
            case F16 -> Float.float16ToFloat(Memory.ALL.get(Memory.I16, weights + 2L * i));
            case BF16 -> Float.intBitsToFloat(Memory.ALL.get(Memory.I16, weights + 2L * i) << 16);
            default -> throw new IllegalArgumentException(
                    "a row of " + type + " holds a multiple of " + type.blockSize() + " weights");
        };
    }

    @Override
    public final void dequantTile(long weights, long rowBytes, int firstRow, int rows, int firstColumn, int columns,
            float[] tile) {
        int blocks = columns / this.weights;
        int rest = columns % this.weights;
        long from = weights + firstRow * rowBytes + (long) (firstColumn / this.weights) * bytes;
        for (int r = 0; r < rows; r++, from += rowBytes) {
            int at = r * SLICE;
            if (Starter.soft()) {
                SoftKernel soft = SoftKernel.of(type);
                soft.ALL.weights(Memory.ALL, from, blocks * bytes);
                soft.tileRow(Window.WEIGHTS, blocks, tile, at);
            } else {
                tileRow(from, blocks, tile, at);
            }
            for (int i = 0; i < rest; i++) {
                tile[at + columns - rest + i] = weight(from + (long) blocks * bytes, i);
            }
        }
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + "[" + tuning + "]";
    }
}
