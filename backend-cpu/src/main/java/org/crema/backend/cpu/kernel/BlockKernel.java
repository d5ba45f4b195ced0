package org.crema.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;
import org.crema.backend.cpu.soft.Window;
import org.crema.kernels.quant.QuantType;

/** What the generated kernels share: the walk over rows, and columns that do not fill a vector (types without blocks). */
abstract class BlockKernel implements MatKernel {
    private final QuantType type;
    private final Packing packing;
    private final int weights;
    private final int bytes;
    private final int rows;
    private final Tuning tuning;
    private final Ready ready;

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
        this.ready = Ready.of(type);
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
        int row = ready.one ? from : softRows(weights, rowBytes, from, to, columns, packed, out);
        if (rows > 1 && tuning.together() && ready.several && row == from) {
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

    /** Over soft vectors, until the kernel is ready; gives the first row that is left. */
    private int softRows(long weights, long rowBytes, int from, int to, int columns, long packed, long out) {
        SoftKernel soft = SoftKernel.of(type);
        int blocks = columns / this.weights;
        soft.ALL.activations(Memory.ALL, packed, (int) packing.packedFloats(columns));
        int row = from;
        for (; row < to && !ready.one; row++) {
            soft.ALL.weights(Memory.ALL, weights + row * rowBytes, blocks * bytes);
            soft.one(Window.WEIGHTS, blocks, Window.ACTIVATIONS, Window.RESULT);
            Memory.ALL.set(Memory.F32, out + (long) (row - from) * Float.BYTES, soft.ALL.result());
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
            if (ready.tile) {
                tileRow(from, blocks, tile, at);
            } else {
                SoftKernel soft = SoftKernel.of(type);
                soft.ALL.weights(Memory.ALL, from, blocks * bytes);
                soft.tileRow(Window.WEIGHTS, blocks, tile, at);
            }
            for (int i = 0; i < rest; i++) {
                tile[at + columns - rest + i] = weight(from + (long) blocks * bytes, i);
            }
        }
    }

    // For the starter: each method by itself, whether it is ready or not.

    final boolean hasSeveral() {
        return rows > 1;
    }

    final void eachRow(MemorySegment weightRows, long rowBytes, int count, int columns, MemorySegment packed, MemorySegment out) {
        for (int r = 0; r < count; r++) {
            one(weightRows.address() + r * rowBytes, columns / weights, packed.address(), out.address() + 4L * r);
        }
    }

    final void severalRows(MemorySegment weightRows, long rowBytes, int count, int columns, MemorySegment packed,
            MemorySegment out) {
        for (int r = 0; r <= count - rows; r += rows) {
            several(weightRows.address() + r * rowBytes, rowBytes, columns / weights, packed.address(), out.address() + 4L * r,
                    4);
        }
    }

    final void tileRows(MemorySegment weightRows, long rowBytes, int count, int columns, float[] to) {
        for (int r = 0; r < count; r++) {
            tileRow(weightRows.address() + r * rowBytes, columns / weights, to, r * SLICE);
        }
    }

    @Override
    public final boolean ready() {
        return ready.one && ready.several;
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + "[" + tuning + "]";
    }
}
