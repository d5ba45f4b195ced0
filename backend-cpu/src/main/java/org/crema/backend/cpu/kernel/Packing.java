package org.crema.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * An order of activations: per unit of {@link #unit} columns first the activations, permuted to the order in which the kernels take
 * weights out of 32-bit lanes, then sums of activations for the terms of a dot product that are the same for many weights.
 */
public final class Packing {
    /** Activations as they are. */
    static final Packing PLAIN = new Packing(1, new int[0]);

    /** The sum of {@code count} activations of the unit from column {@code first} on, times {@code factor}. */
    record Sum(int first, int count, float factor) {}

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

    /** Whether packed activations are the activations: {@link #pack} may be left out and the original passed instead. */
    public boolean isPlain() {
        return order.length == 0 && sums.length == 0;
    }

    /** Columns after which the order repeats. */
    public int unit() {
        return unit;
    }

    /** Floats that a packed vector takes. */
    public long packedFloats(int columns) {
        return columns + (long) (columns / unit) * sums.length;
    }

    /** Packs a vector of {@code columns} floats at address {@code x} to {@link #packedFloats} floats at address {@code packed}. */
    public void pack(long x, int columns, long packed) {
        if (isPlain()) {
            MemorySegment.copy(Memory.ALL, x, Memory.ALL, packed, columns * 4L);
            return;
        }
        long to = packed;
        long from = x;
        for (int u = 0; u < columns / unit; u++, from += unit * 4L) {
            for (int i = 0; i < unit; i++, to += 4) {
                int column = order.length == 0 ? i : order[i];
                Memory.ALL.set(Memory.F32, to, Memory.ALL.get(Memory.F32, from + column * 4L));
            }
            for (Sum s : sums) {
                float sum = 0;
                for (int i = s.first; i < s.first + s.count; i++) {
                    sum += Memory.ALL.get(Memory.F32, from + i * 4L);
                }
                Memory.ALL.set(Memory.F32, to, sum * s.factor);
                to += Float.BYTES;
            }
        }
    }

    /** Writes the activations, without sums, in packed order, each {@code step} bytes behind the last. */
    void scatter(long x, int columns, long to, long step) {
        long at = to;
        if (order.length == 0) {
            for (int i = 0; i < columns; i++, at += step) {
                Memory.ALL.set(Memory.F32, at, Memory.ALL.get(Memory.F32, x + 4L * i));
            }
            return;
        }
        for (long from = x; from < x + 4L * columns; from += 4L * unit) {
            for (int i = 0; i < unit; i++, at += step) {
                Memory.ALL.set(Memory.F32, at, Memory.ALL.get(Memory.F32, from + 4L * order[i]));
            }
        }
    }

    /** Puts {@code columns} floats in packed order, without sums, back into the order of columns. */
    public void restore(long packed, int columns, long to) {
        if (order.length == 0) {
            MemorySegment.copy(Memory.ALL, packed, Memory.ALL, to, columns * 4L);
            return;
        }
        long from = packed;
        for (long at = to; at < to + 4L * columns; at += 4L * unit) {
            for (int i = 0; i < unit; i++, from += 4) {
                Memory.ALL.set(Memory.F32, at + 4L * order[i], Memory.ALL.get(Memory.F32, from));
            }
        }
    }

    @Override
    public String toString() {
        return "Packing[unit " + unit + ", order " + Arrays.toString(order) + ", " + sums.length + " sums]";
    }
}
