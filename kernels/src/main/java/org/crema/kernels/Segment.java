package org.crema.kernels;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;

/**
 * A run of ops on one device, cut out of a program.
 *
 * @param device which device, as numbered by the placement
 * @param part which of that device's segments this is, from 0, in the order in which they run
 * @param program the ops. Its inputs are the slots that must be on the device before it runs; its outputs those that another
 *     device, or the caller, reads afterwards
 * @param copies of the inputs those that another device, or the caller, has written since this device last had them
 */
public record Segment(int device, int part, Program program, List<Slot> copies) {
    public Segment {
        copies = List.copyOf(copies);
        if (!new HashSet<>(program.inputs()).containsAll(copies)) {
            throw new IllegalArgumentException("copies " + copies + " must be inputs of " + program.listing());
        }
    }

    /**
     * Cuts a program wherever the device changes, and behind the last op of a run that another device waits for: what follows in the
     * run can go on while the other device works. A slot is copied once for each time it is written and each device that reads it.
     *
     * @param place number of the device of each op
     */
    public static List<Segment> cut(Program program, ToIntFunction<Op> place) {
        BitSet ends = new BitSet();
        drafts(program, place, ends).forEach(draft -> ends.set(draft.awaitedTo()));
        List<Draft> drafts = drafts(program, place, ends);
        List<Segment> segments = new ArrayList<>();
        for (Draft draft : drafts) {
            segments.add(draft.finish(program.name() + "." + segments.size()));
        }
        return segments;
    }

    /**
     * The same runs of ops with some of them on other devices, and the copies that this takes.
     *
     * @param program what was cut
     * @param segments what it was cut into
     * @param place number of the device of each segment
     */
    public static List<Segment> moved(Program program, List<Segment> segments, int[] place) {
        List<Draft> drafts = linked(program, segments.stream().map(segment -> segment.program().ops()).toList(), place);
        List<Segment> result = new ArrayList<>();
        for (int i = 0; i < place.length; i++) {
            result.add(drafts.get(i).finish(segments.get(i).program().name()));
        }
        return result;
    }

    /** Runs of ops of one device, none beyond one of these ends, with what they need from each other. */
    private static List<Draft> drafts(Program program, ToIntFunction<Op> place, BitSet ends) {
        List<List<Op>> runs = new ArrayList<>();
        List<Op> ops = program.ops();
        for (int from = 0, to; from < ops.size(); from = to) {
            int device = place.applyAsInt(ops.get(from));
            for (to = from + 1; to < ops.size() && !ends.get(to) && place.applyAsInt(ops.get(to)) == device;) {
                to++;
            }
            runs.add(ops.subList(from, to));
        }
        return linked(program, runs, runs.stream().mapToInt(run -> place.applyAsInt(run.getFirst())).toArray());
    }

    private static List<Draft> linked(Program program, List<List<Op>> runs, int[] place) {
        List<Draft> drafts = new ArrayList<>();
        Map<Slot, Holders> slots = new HashMap<>();
        program.inputs().forEach(slot -> slots.put(slot, new Holders(null)));
        Map<Integer, Integer> parts = new HashMap<>();
        int from = 0;
        for (List<Op> run : runs) {
            int device = place[drafts.size()];
            Draft draft = new Draft(device, parts.merge(device, 1, Integer::sum) - 1, from, run);
            draft.link(slots);
            drafts.add(draft);
            from += run.size();
        }
        program.outputs().forEach(slot -> slots.get(slot).readBack(slot));
        return drafts;
    }

    /** Who has the newest rows of a slot, and who wrote them (nobody: the caller). */
    private static final class Holders {
        private final Draft writer;
        private final Set<Integer> devices = new HashSet<>();

        Holders(Draft writer) {
            this.writer = writer;
            if (writer != null) {
                devices.add(writer.device);
            }
        }

        void await(Slot slot) {
            if (writer != null) {
                writer.awaited.add(slot);
            }
        }

        void readBack(Slot slot) {
            if (writer != null) {
                writer.outputs.add(slot);
            }
        }
    }

    private static final class Draft {
        private final int device;
        private final int part;
        private final int from;
        private final List<Op> ops;
        private final Set<Slot> inputs = new LinkedHashSet<>();
        private final Set<Slot> copies = new LinkedHashSet<>();
        private final Set<Slot> outputs = new LinkedHashSet<>();
        private final Set<Slot> awaited = new LinkedHashSet<>();

        Draft(int device, int part, int from, List<Op> ops) {
            this.device = device;
            this.part = part;
            this.from = from;
            this.ops = List.copyOf(ops);
        }

        void link(Map<Slot, Holders> slots) {
            Set<Slot> written = new LinkedHashSet<>();
            for (Op op : ops) {
                op.reads().forEach(view -> need(view.slot(), written, slots));
                for (View view : op.writes()) {
                    // Columns that this op leaves alone keep what they had, so they have to be here.
                    if (!view.whole() && slots.containsKey(view.slot())) {
                        need(view.slot(), written, slots);
                    }
                    written.add(view.slot());
                }
            }
            written.forEach(slot -> slots.put(slot, new Holders(this)));
        }

        private void need(Slot slot, Set<Slot> written, Map<Slot, Holders> slots) {
            if (written.contains(slot) || !inputs.add(slot)) {
                return;
            }
            Holders holders = slots.get(slot);
            if (holders.devices.add(device)) {
                copies.add(slot);
                holders.readBack(slot);
                holders.await(slot);
            }
        }

        /** Index behind the last op that another device waits for; behind the run if none does. */
        int awaitedTo() {
            for (int i = ops.size() - 1; i >= 0; i--) {
                if (ops.get(i).writes().stream().anyMatch(view -> awaited.contains(view.slot()))) {
                    return from + i + 1;
                }
            }
            return from + ops.size();
        }

        Segment finish(String name) {
            return new Segment(device, part, new Program(name, List.copyOf(inputs), ops, List.copyOf(outputs)),
                    List.copyOf(copies));
        }
    }
}
