package org.crema.backend.cpu.kernel;

import java.time.Duration;
import org.crema.kernels.quant.QuantType;

/** What the generated kernels share: the walk over rows, and columns that do not fill a vector (types without blocks). */
abstract class BlockKernel implements MatKernel {
    private final QuantType type;
    private final Packing packing;
    private final int weights;
    private final int bytes;
    private final int rows;
    private final Tuning tuning;

    /**
     * @param weights columns of a block
     * @param bytes bytes of a block
     * @param rows rows that {@link #several} works on, 1 if there is no such method
     */
    BlockKernel(QuantType type, Packing packing, int weights, int bytes, int rows, Tuning tuning) {
        this.type = type;
        this.packing = packing;
        this.weights = weights;
        this.bytes = bytes;
        this.rows = rows;
        this.tuning = tuning;
    }

    /** The product of one row. */
    abstract void one(long weights, int blocks, long x, long out);

    /** The products of some rows {@code step} bytes apart, to results {@code outStep} bytes apart. */
    void several(long weights, long step, int blocks, long x, long out, long outStep) {
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
        int row = from;
        if (rows > 1 && tuning.together()) {
            int turns = (to - from) / rows;
            int apart = tuning.far() ? turns : 1;
            int next = tuning.far() ? 1 : rows;
            for (int i = 0; i < turns; i++) {
                long at = from + (long) i * next;
                several(weights + at * rowBytes, apart * rowBytes, blocks, packed, out + (at - from) * Float.BYTES,
                        (long) apart * Float.BYTES);
            }
            row += turns * rows;
        }
        for (; row < to; row++) {
            one(weights + row * rowBytes, blocks, packed, out + (long) (row - from) * Float.BYTES);
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
            tileRow(from, blocks, tile, at);
            for (int i = 0; i < rest; i++) {
                tile[at + columns - rest + i] = weight(from + (long) blocks * bytes, i);
            }
        }
    }

    @Override
    public final boolean warmUp(Duration atMost) {
        return WarmUp.matVecAndTiles(this, atMost);
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + "[" + tuning + "]";
    }
}
