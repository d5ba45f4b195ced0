package org.crema.kernels;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A straight line of ops over slots: a whole model, a part of one on one device, or a single op under test.
 *
 * @param name for people
 * @param inputs slots that are written from outside before a run
 * @param ops in order
 * @param outputs slots that are read from outside after a run
 */
public record Program(String name, List<Slot> inputs, List<Op> ops, List<Slot> outputs) {
    /** @throws IllegalArgumentException if an op reads a slot that nothing has written, or two slots share an id */
    public Program {
        inputs = List.copyOf(inputs);
        ops = List.copyOf(ops);
        outputs = List.copyOf(outputs);
        Set<Slot> written = new LinkedHashSet<>(inputs);
        Map<Integer, Slot> byId = new HashMap<>();
        inputs.forEach(slot -> unique(byId, slot));
        for (Op op : ops) {
            for (View view : op.reads()) {
                if (!written.contains(view.slot())) {
                    throw new IllegalArgumentException("program " + name + ": " + op + " reads " + view.slot()
                            + ", which no op before it writes and which is no input");
                }
            }
            for (View view : op.writes()) {
                unique(byId, view.slot());
                written.add(view.slot());
            }
        }
        for (Slot slot : outputs) {
            if (!written.contains(slot)) {
                throw new IllegalArgumentException("program " + name + ": nothing writes its output " + slot);
            }
        }
    }

    private static void unique(Map<Integer, Slot> byId, Slot slot) {
        Slot other = byId.putIfAbsent(slot.id(), slot);
        if (other != null && !other.equals(slot)) {
            throw new IllegalArgumentException("two slots have the id " + slot.id() + ": " + slot + " and " + other);
        }
    }

    /** All slots, in the order in which they first appear. */
    public Set<Slot> slots() {
        Set<Slot> slots = new LinkedHashSet<>(inputs);
        for (Op op : ops) {
            op.reads().forEach(view -> slots.add(view.slot()));
            op.writes().forEach(view -> slots.add(view.slot()));
        }
        return slots;
    }

    /** All tensors, in the order in which they are first read. */
    public Set<Weight> tensors() {
        Set<Weight> tensors = new LinkedHashSet<>();
        ops.forEach(op -> tensors.addAll(op.tensors()));
        return tensors;
    }

    /** All caches, in the order in which they first appear. */
    public Set<Cache> caches() {
        Set<Cache> caches = new LinkedHashSet<>();
        ops.forEach(op -> op.cache().ifPresent(caches::add));
        return caches;
    }

    /** One op a line. */
    public String listing() {
        StringBuilder text = new StringBuilder("program ").append(name).append(": ").append(inputs).append(" -> ")
                .append(outputs);
        for (Op op : ops) {
            text.append("\n  ").append(op.writes()).append(" = ").append(op.name()).append(op.reads());
            op.tensors().forEach(weight -> text.append(' ').append(weight));
            op.cache().ifPresent(cache -> text.append(' ').append(cache));
        }
        return text.toString();
    }

    /** Collects ops and hands out slots. */
    public static final class Builder {
        private final String name;
        private final List<Slot> inputs = new ArrayList<>();
        private final List<Op> ops = new ArrayList<>();
        private int slots;

        public Builder(String name) {
            this.name = name;
        }

        /** A new F32 slot. */
        public Slot slot(String slotName, Rows rows, int columns) {
            return slot(slotName, rows, columns, Element.F32);
        }

        /** A new slot. */
        public Slot slot(String slotName, Rows rows, int columns, Element element) {
            return new Slot(slots++, slotName, rows, columns, element);
        }

        /** A new slot that is written from outside. */
        public Slot input(String slotName, Rows rows, int columns, Element element) {
            Slot slot = slot(slotName, rows, columns, element);
            inputs.add(slot);
            return slot;
        }

        public Builder add(Op op) {
            ops.add(op);
            return this;
        }

        public Program build(Slot... outputs) {
            return new Program(name, inputs, ops, List.of(outputs));
        }
    }

    /** Ops by name, with how often each occurs; for reports. */
    public Map<String, Integer> census() {
        Map<String, Integer> census = new LinkedHashMap<>();
        ops.forEach(op -> census.merge(op.name(), 1, Integer::sum));
        return census;
    }
}
