package org.crema.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Guards;

/** The native memory of one executable, with guarded gaps around each piece under test. Freed as a whole. */
final class Region implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final int guardBytes;
    private final List<Gap> gaps = new ArrayList<>();
    private long bytes;

    /** A range that nobody may write to. */
    private record Gap(String place, MemorySegment memory, long offset, long bytes) {}

    Region(int guardBytes) {
        this.guardBytes = guardBytes;
    }

    /** Bytes that a piece takes, gaps included. */
    static long sized(long bytes, int guardBytes) {
        return Plan.align(bytes) + 2 * Plan.align(guardBytes);
    }

    /** A new piece: zeroed, or with guards full of their pattern. */
    MemorySegment allocate(String name, long size) {
        long all = sized(size, guardBytes);
        if (all == 0) {
            return MemorySegment.NULL;
        }
        long gap = Plan.align(guardBytes);
        MemorySegment memory = arena.allocate(all, Plan.ALIGNMENT);
        bytes += all;
        if (guardBytes > 0) {
            Guards.fill(memory);
            gaps.add(new Gap("before " + name, memory, 0, gap));
            gaps.add(new Gap("after " + name, memory, gap + size, all - gap - size));
        }
        return memory.asSlice(gap, size);
    }

    /** Bytes allocated. */
    long bytes() {
        return bytes;
    }

    /** A range of a piece that nobody may write to. */
    void guard(String place, MemorySegment memory, long offset, long size) {
        gaps.add(new Gap(place, memory, offset, size));
    }

    /** The guarded ranges that something has written to, in words. */
    List<String> damage() {
        List<String> found = new ArrayList<>();
        for (Gap gap : gaps) {
            found.addAll(Guards.damage(gap.place(), gap.memory(), gap.offset(), gap.bytes()));
        }
        return found;
    }

    @Override
    public void close() {
        arena.close();
    }
}
