package org.crema.kernels;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Where each slot of a device's programs lies in one scratch arena. Slots that are never alive together share memory, unless there
 * are guards: then every slot is alone, with a gap before and after it.
 */
public final class Layout {
    private final Map<Slot, Long> offsets = new LinkedHashMap<>();
    private final List<Gap> gaps = new ArrayList<>();
    private final long bytes;

    /** Bytes of the arena that belong to no slot. */
    public record Gap(String before, String after, long offset, long bytes) {}

    private record Life(Slot slot, int first, int last, long bytes) {}

    /** For a device that runs each op by itself. */
    public Layout(List<Program> parts, Limits limits, int alignment, int guard) {
        this(parts, part -> part.ops().stream().map(List::of).toList(), limits, alignment, guard);
    }

    /**
     * @param parts the programs of one device, in the order in which they run
     * @param groups of a program's ops, in order; the slots of a group are alive together
     * @param limits row counts
     * @param alignment of every slot, in bytes; a power of two
     * @param guard bytes of the gap around every slot; 0 for none, and memory is shared
     */
    public Layout(List<Program> parts, Function<Program, List<List<Op>>> groups, Limits limits, int alignment, int guard) {
        if (Integer.bitCount(alignment) != 1 || guard < 0) {
            throw new IllegalArgumentException(
                    "alignment " + alignment + " must be a power of two, guard " + guard + " not negative");
        }
        List<Life> lives = lives(parts, groups, limits);
        bytes = guard > 0 ? apart(lives, alignment, guard) : shared(lives, alignment);
    }

    /** Byte offset of a slot's first row. */
    public long offset(Slot slot) {
        Long offset = offsets.get(slot);
        if (offset == null) {
            throw new IllegalArgumentException("no slot " + slot + " on this device; it has " + offsets.keySet());
        }
        return offset;
    }

    /** Bytes of the whole arena. */
    public long bytes() {
        return bytes;
    }

    /** The gaps around the slots; none without guards. */
    public List<Gap> gaps() {
        return List.copyOf(gaps);
    }

    private static List<Life> lives(List<Program> parts, Function<Program, List<List<Op>>> groups, Limits limits) {
        Map<Slot, int[]> spans = new LinkedHashMap<>();
        int time = 0;
        for (Program part : parts) {
            for (Slot slot : part.inputs()) {
                extend(spans, slot, time);
            }
            for (List<Op> group : groups.apply(part)) {
                time++;
                for (Op op : group) {
                    for (View view : op.reads()) {
                        extend(spans, view.slot(), time);
                    }
                    for (View view : op.writes()) {
                        extend(spans, view.slot(), time);
                    }
                }
            }
            time++;
            for (Slot slot : part.outputs()) {
                // Read back before the next part runs.
                extend(spans, slot, time);
            }
        }
        List<Life> lives = new ArrayList<>();
        spans.forEach((slot, span) -> lives.add(new Life(slot, span[0], span[1], slot.bytes(slot.rows().most(limits)))));
        return lives;
    }

    private static void extend(Map<Slot, int[]> spans, Slot slot, int time) {
        int[] span = spans.computeIfAbsent(slot, s -> new int[] {time, time});
        span[0] = Math.min(span[0], time);
        span[1] = Math.max(span[1], time);
    }

    private long apart(List<Life> lives, int alignment, int guard) {
        long at = 0;
        String before = "the start";
        for (Life life : lives) {
            long start = align(at + guard, alignment);
            gaps.add(new Gap(before, life.slot().toString(), at, start - at));
            offsets.put(life.slot(), start);
            at = start + life.bytes();
            before = life.slot().toString();
        }
        gaps.add(new Gap(before, "the end", at, guard));
        return at + guard;
    }

    /** Largest first, each at the lowest offset where it meets no slot that is alive with it. */
    private long shared(List<Life> lives, int alignment) {
        List<Life> order = new ArrayList<>(lives);
        order.sort(Comparator.comparingLong(Life::bytes).reversed());
        List<Life> placed = new ArrayList<>();
        long end = 0;
        for (Life life : order) {
            long at = 0;
            for (Life other : placed) {
                long from = offsets.get(other.slot());
                boolean together = life.first() <= other.last() && other.first() <= life.last();
                if (together && at < from + other.bytes() && from < at + life.bytes()) {
                    at = align(from + other.bytes(), alignment);
                }
            }
            offsets.put(life.slot(), at);
            end = Math.max(end, at + life.bytes());
            int index = 0;
            while (index < placed.size() && offsets.get(placed.get(index).slot()) <= at) {
                index++;
            }
            placed.add(index, life);
        }
        return end;
    }

    private static long align(long value, int alignment) {
        return (value + alignment - 1) & -alignment;
    }
}
