package org.crema.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * An order of activations: per unit of {@link #unit} columns first the activations, permuted to the order in which the kernels take
 * weights out of 32-bit lanes, then sums of activations for the terms of a dot product that are the same for many weights.
 */
public final class Packing implements Activations {
    /** Activations as they are. */
    static final Packing PLAIN = new Packing(1, new int[0]);

    /** The sum of {@code count} activations of the unit from column {@code first} on, times {@code factor}. */
    record Sum(int first, int count, float factor) {}

    /** Vectors that {@link #scatterTogether} and {@link #spreadTogether} take. */
    public static final int TOGETHER = 4;

    private static final ThreadLocal<float[]> HEAP = ThreadLocal.withInitial(() -> new float[MatKernel.SLICE]);
    private static final ThreadLocal<float[]> PACKED = ThreadLocal.withInitial(() -> new float[2 * MatKernel.SLICE]);

    private final int unit;
    private final int[] order;
    private final Sum[] sums;

    /**
     * @param unit columns of one repetition, a power of two
     * @param order the column (within the unit) at each place; empty means as they are
     * @param sums what follows the activations of a unit
     */
    Packing(int unit, int[] order, Sum... sums) {
        this.unit = unit;
        this.order = order;
        this.sums = sums;
    }

    @Override
    public boolean isPlain() {
        return order.length == 0 && sums.length == 0;
    }

    /** Columns after which the order repeats. */
    public int unit() {
        return unit;
    }

    @Override
    public long packedBytes(int columns) {
        return Float.BYTES * packedFloats(columns);
    }

    /** Floats that a packed vector takes. */
    long packedFloats(int columns) {
        return columns + (long) (columns / unit) * sums.length;
    }

    @Override
    public void pack(long x, int columns, long packed) {
        if (isPlain()) {
            MemorySegment.copy(Memory.ALL, x, Memory.ALL, packed, columns * 4L);
            return;
        }
        // On the heap, where loops are quick before C2 has compiled them.
        float[] from = HEAP.get();
        float[] to = PACKED.get();
        long at = packed;
        for (int column = 0; column < columns; column += unit, at += 4L * (unit + sums.length)) {
            MemorySegment.copy(Memory.ALL, Memory.F32, x + 4L * column, from, 0, unit);
            scatter(from, unit, to, 0, 1);
            for (int s = 0; s < sums.length; s++) {
                float sum = 0;
                for (int i = sums[s].first; i < sums[s].first + sums[s].count; i++) {
                    sum += from[i];
                }
                to[unit + s] = sum * sums[s].factor;
            }
            MemorySegment.copy(to, 0, Memory.ALL, Memory.F32, at, unit + sums.length);
        }
    }

    /** Writes at most {@link MatKernel#SLICE} activations, without sums, in packed order, each {@code step} floats behind the last. */
    void scatter(float[] x, int columns, float[] out, int first, int step) {
        int at = first;
        if (order.length == 0) {
            for (int i = 0; i < columns; i++, at += step) {
                out[at] = x[i];
            }
            return;
        }
        for (int from = 0; from < columns; from += unit) {
            for (int i = 0; i < unit; i++, at += step) {
                out[at] = x[from + order[i]];
            }
        }
    }

    /**
     * The same for {@link #TOGETHER} vectors, {@link MatKernel#SLICE} floats apart in {@code x}; those of a column lie side by side.
     */
    void scatterTogether(float[] x, int columns, float[] out, int first, int step) {
        if (order.length == 0) {
            for (int i = 0, at = first; i < columns; i++, at += step) {
                together(x, i, out, at);
            }
            return;
        }
        for (int from = 0, at = first; from < columns; from += unit) {
            for (int i = 0; i < unit; i++, at += step) {
                together(x, from + order[i], out, at);
            }
        }
    }

    private static void together(float[] x, int column, float[] out, int at) {
        out[at] = x[column];
        out[at + 1] = x[column + MatKernel.SLICE];
        out[at + 2] = x[column + 2 * MatKernel.SLICE];
        out[at + 3] = x[column + 3 * MatKernel.SLICE];
    }

    /**
     * Takes {@link #TOGETHER} times {@code columns} floats in packed order, without sums, {@link MatKernel#SLICE} floats apart from
     * {@code at} on, and writes those of column c side by side from {@code out[first + c * step]} on.
     */
    public void spreadTogether(float[] packed, int at, int columns, float[] out, int first, int step) {
        for (int from = 0; from < columns; from += unit) {
            for (int i = 0; i < unit; i++) {
                int to = first + (from + (order.length == 0 ? i : order[i])) * step;
                int x = at + from + i;
                out[to] = packed[x];
                out[to + 1] = packed[x + MatKernel.SLICE];
                out[to + 2] = packed[x + 2 * MatKernel.SLICE];
                out[to + 3] = packed[x + 3 * MatKernel.SLICE];
            }
        }
    }

    /** Takes {@code columns} floats in packed order, without sums, from {@code at} on, and writes them in the order of columns. */
    public void restore(float[] packed, int at, int columns, float[] to) {
        for (int from = 0; from < columns; from += unit) {
            for (int i = 0; i < unit; i++) {
                to[from + (order.length == 0 ? i : order[i])] = packed[at + from + i];
            }
        }
    }

    /** Puts {@code columns} floats in packed order, without sums, back into the order of columns. */
    public void restore(long packed, int columns, long to) {
        if (order.length == 0) {
            MemorySegment.copy(Memory.ALL, packed, Memory.ALL, to, columns * 4L);
            return;
        }
        float[] from = HEAP.get();
        float[] restored = PACKED.get();
        for (int column = 0; column < columns; column += unit) {
            MemorySegment.copy(Memory.ALL, Memory.F32, packed + 4L * column, from, 0, unit);
            for (int i = 0; i < unit; i++) {
                restored[order[i]] = from[i];
            }
            MemorySegment.copy(restored, 0, Memory.ALL, Memory.F32, to + 4L * column, unit);
        }
    }

    @Override
    public String toString() {
        return "Packing[unit " + unit + ", order " + Arrays.toString(order) + ", " + sums.length + " sums]";
    }
}
