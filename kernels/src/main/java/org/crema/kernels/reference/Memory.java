package org.crema.kernels.reference;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.quant.ActivationFormat;

/** Slots, caches and the current step of an executable, as Java arrays: a read or write outside of one is an exception. */
final class Memory {
    private final Limits limits;
    private final Cache.Type cacheType;
    private final Map<Slot, float[]> floats = new HashMap<>();
    private final Map<Slot, int[]> ints = new HashMap<>();
    private final Map<Cache, float[][]> caches = new HashMap<>();
    private final Step step;
    private boolean begun;

    Memory(List<Program> parts, CompileOptions options) {
        limits = options.limits();
        cacheType = options.cacheType();
        step = new Step(limits, Arena.ofAuto());
        for (Program part : parts) {
            for (Slot slot : part.slots()) {
                int cells = Math.toIntExact(slot.bytes(slot.rows().most(limits)) / 4);
                if (slot.element() == Element.F32) {
                    floats.computeIfAbsent(slot, s -> new float[cells]);
                } else {
                    ints.computeIfAbsent(slot, s -> new int[cells]);
                }
            }
            for (Cache cache : part.caches()) {
                caches.computeIfAbsent(cache, c -> new float[limits.pages() * limits.pageRows()][]);
            }
        }
    }

    void begin(Step next) {
        step.set(next);
        begun = true;
    }

    Step step() {
        if (!begun) {
            throw new IllegalStateException("begin(step) must come first");
        }
        return step;
    }

    /** Cells of an F32 slot, row after row. */
    float[] floats(Slot slot) {
        float[] cells = floats.get(slot);
        if (cells == null) {
            throw unknown(slot);
        }
        return cells;
    }

    /** Cells of an I32 slot, row after row. */
    int[] ints(Slot slot) {
        int[] cells = ints.get(slot);
        if (cells == null) {
            throw unknown(slot);
        }
        return cells;
    }

    private IllegalArgumentException unknown(Slot slot) {
        return new IllegalArgumentException("no slot " + slot + "; there are " + floats.keySet() + " and " + ints.keySet());
    }

    void write(Slot slot, MemorySegment source, int rows) {
        int cells = cells(slot, rows);
        if (slot.element() == Element.F32) {
            MemorySegment.copy(source, JAVA_FLOAT, 0, floats(slot), 0, cells);
        } else {
            MemorySegment.copy(source, JAVA_INT, 0, ints(slot), 0, cells);
        }
    }

    void read(Slot slot, MemorySegment target, int rows) {
        int cells = cells(slot, rows);
        if (slot.element() == Element.F32) {
            MemorySegment.copy(floats(slot), 0, target, JAVA_FLOAT, 0, cells);
        } else {
            MemorySegment.copy(ints(slot), 0, target, JAVA_INT, 0, cells);
        }
    }

    private int cells(Slot slot, int rows) {
        int most = slot.rows().most(limits);
        if (rows < 0 || rows > most) {
            throw new IllegalArgumentException(rows + " rows of " + slot + ", which has room for " + most);
        }
        return rows * slot.columns();
    }

    /** Keeps a copy of a row as its type can hold it. */
    void cacheRow(Cache cache, int sequence, int position, float[] row) {
        caches.get(cache)[Math.toIntExact(step.cacheRow(sequence, position))] = switch (cacheType) {
            case F32 -> row.clone();
            case F16 -> rounded(ActivationFormat.F16, row);
            case Q8_0 -> rounded(ActivationFormat.Q8_0, row);
        };
    }

    private static float[] rounded(ActivationFormat format, float[] row) {
        MemorySegment blocks = MemorySegment.ofArray(new byte[row.length / format.blockSize() * format.blockBytes()]);
        format.quantize(row, 0, row.length, blocks, 0);
        float[] kept = new float[row.length];
        format.codec().decode(blocks, 0, kept, 0, row.length);
        return kept;
    }

    /** A row that an earlier {@link #cacheRow} has left. */
    float[] cached(Cache cache, int sequence, int position) {
        float[] row = caches.get(cache)[Math.toIntExact(step.cacheRow(sequence, position))];
        if (row == null) {
            throw new DeviceException(
                    "nothing was written to " + cache + " at position " + position + " of sequence " + sequence);
        }
        return row;
    }
}
