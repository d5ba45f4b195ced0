package org.crema.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Programs that are ready to run on a device, with their weights, caches and scratch. Calls go to an in-order queue: {@link #begin}
 * and {@link #run} may return before the work is done, {@link #read} waits for it. One thread at a time.
 *
 * <pre>
 *   begin(step);                       // once per step
 *   write(input, rows, n); run(0);     // for each part in order: its copies, then itself
 *   read(output, rows, n);
 * </pre>
 *
 * <p>A part may be left out of a step if what it would write is not read, or is written from outside.
 */
public interface Executable extends AutoCloseable {
    /** Takes over what the step says; the step may be changed afterwards. */
    void begin(Step step);

    /** Sets the first {@code rows} rows of a slot. The source may be changed after the call. */
    void write(Slot slot, MemorySegment source, int rows);

    /**
     * Runs a part on the step that was begun.
     *
     * @throws DeviceException if the device fails; other executables stay usable
     */
    void run(int part);

    /**
     * Copies the first {@code rows} rows of an output out, when the work before is done. To be called before the next part runs:
     * its slots may lie where the output was.
     */
    void read(Slot slot, MemorySegment target, int rows);

    /**
     * The best column of each of the first {@code rows} rows of an F32 output: that of the greatest number, of equal ones the first; -1 for a
     * row with a NaN, and for one with nothing above negative infinity. To be called when {@link #read} may be. A device overrides this to
     * copy a number for each row instead of the row.
     *
     * @param target rows × i32
     */
    default void best(Slot slot, MemorySegment target, int rows) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment cells = arena.allocate(slot.bytes(rows), Float.BYTES);
            read(slot, cells, rows);
            best(cells, slot.columns(), target, rows);
        }
    }

    /** The best columns of rows of floats, one after the other; see {@link #best(Slot, MemorySegment, int)}. */
    static void best(MemorySegment cells, int columns, MemorySegment target, int rows) {
        for (int row = 0; row < rows; row++) {
            target.setAtIndex(ValueLayout.JAVA_INT, row, best(cells, (long) row * columns, columns));
        }
    }

    /** The best of some floats, counted from the first of them; see {@link #best(Slot, MemorySegment, int)}. */
    static int best(MemorySegment cells, long first, int count) {
        int best = -1;
        float most = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            float x = cells.getAtIndex(ValueLayout.JAVA_FLOAT, first + i);
            if (x > most) {
                most = x;
                best = i;
            } else if (Float.isNaN(x)) {
                return -1;
            }
        }
        return best;
    }

    /** Waits until all work is done. */
    void finish();

    /**
     * Where the time of the parts that ran since the last call went, in the order in which they run; empty unless compiled with
     * {@link CompileOptions#profile}. Waits until all work is done.
     */
    List<Timing> timings();

    /** What writes outside of any slot have destroyed, in words; empty if nothing, or if there are no guards. */
    List<String> damage();

    /** Frees all memory. */
    @Override
    void close();
}
