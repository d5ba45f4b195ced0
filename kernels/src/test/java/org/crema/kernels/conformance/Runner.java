package org.crema.kernels.conformance;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.Element;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Segment;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Timing;

/** Runs the steps of a scenario on a device, whole or cut. */
final class Runner implements AutoCloseable {
    private final Scenario scenario;
    private final List<Segment> segments;
    private final List<Executable> executables = new ArrayList<>();
    private final boolean copying;
    private final Arena arena = Arena.ofShared();
    private final Step step;

    Runner(Device device, Scenario scenario, Scenario.Cut cut, CompileOptions options) {
        this.scenario = scenario;
        this.segments = cut(scenario, cut);
        this.copying = cut == Scenario.Cut.EXECUTABLES;
        this.step = new Step(scenario.limits(), arena);
        Map<Integer, List<Program>> parts = new HashMap<>();
        for (Segment segment : segments) {
            parts.computeIfAbsent(executable(segment), d -> new ArrayList<>()).add(segment.program());
        }
        try {
            for (int d = 0; d < parts.size(); d++) {
                executables.add(device.compile(parts.get(d), options));
            }
        } catch (RuntimeException | Error failure) {
            close();
            throw failure;
        }
    }

    /** The program as it is cut for the device. */
    static List<Segment> cut(Scenario scenario, Scenario.Cut cut) {
        IdentityHashMap<Op, Integer> places = new IdentityHashMap<>();
        List<Op> ops = scenario.program().ops();
        for (int i = 0; i < ops.size(); i++) {
            places.put(ops.get(i), cut == Scenario.Cut.WHOLE ? 0 : scenario.placeOf(i));
        }
        return Segment.cut(scenario.program(), places::get);
    }

    private int executable(Segment segment) {
        return copying ? segment.device() : 0;
    }

    /** Cells of the program's outputs after each round; none for rounds that only fill caches. */
    List<Map<Slot, int[]>> run() {
        List<Map<Slot, int[]>> results = new ArrayList<>();
        for (Scenario.Round round : scenario.rounds()) {
            results.add(run(round));
        }
        return results;
    }

    private Map<Slot, int[]> run(Scenario.Round round) {
        // The step and every source may be changed after the call that took them; they are.
        for (Executable executable : executables) {
            executable.begin(step.set(round.step()));
            step.clear();
        }
        Map<Slot, int[]> cells = new HashMap<>(round.inputs());
        Set<Slot> given = new HashSet<>();
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            if (round.fillOnly() && !segment.program().ops().stream().allMatch(Op.CacheWrite.class::isInstance)) {
                continue;
            }
            Executable executable = executables.get(executable(segment));
            for (Slot slot : segment.copies()) {
                // On one executable a slot needs no copy, but what the caller gives has to get there once.
                if (copying || (round.inputs().containsKey(slot) && given.add(slot))) {
                    write(executable, slot, cells.get(slot), round);
                }
            }
            executable.run(copying ? segment.part() : i);
            for (Slot slot : segment.program().outputs()) {
                if (copying || scenario.program().outputs().contains(slot)) {
                    cells.put(slot, read(executable, slot, round));
                }
            }
        }
        Map<Slot, int[]> outputs = new HashMap<>();
        if (!round.fillOnly()) {
            for (Slot slot : scenario.program().outputs()) {
                outputs.put(slot, cells.get(slot));
            }
        }
        executables.forEach(Executable::finish);
        return outputs;
    }

    private void write(Executable executable, Slot slot, int[] cells, Scenario.Round round) {
        MemorySegment source = arena.allocate(4L * cells.length, 4);
        MemorySegment.copy(cells, 0, source, JAVA_INT, 0, cells.length);
        executable.write(slot, source, slot.rows().count(round.step()));
        source.fill((byte) 0xFF);
    }

    private int[] read(Executable executable, Slot slot, Scenario.Round round) {
        int rows = slot.rows().count(round.step());
        MemorySegment target = arena.allocate(slot.bytes(rows), 4);
        executable.read(slot, target, rows);
        if (slot.element() == Element.F32) {
            checkBest(executable, slot, target, rows);
        }
        return target.toArray(JAVA_INT);
    }

    /** What the device finds in its own numbers has to be the best of them. */
    private void checkBest(Executable executable, Slot slot, MemorySegment cells, int rows) {
        MemorySegment found = arena.allocate(Math.max(1, rows) * 4L, 4);
        executable.best(slot, found, rows);
        for (int row = 0; row < rows; row++) {
            int best = Executable.best(cells, (long) row * slot.columns(), slot.columns());
            int have = found.getAtIndex(JAVA_INT, row);
            if (have != best) {
                throw new AssertionError("the best column of row %d of %s is %d, the device says %d".formatted(row, slot, best,
                        have));
            }
        }
    }

    /** Where the time went. */
    List<Timing> timings() {
        return executables.stream().flatMap(executable -> executable.timings().stream()).toList();
    }

    /** What writes outside of slots have destroyed. */
    List<String> damage() {
        List<String> damage = new ArrayList<>();
        executables.forEach(executable -> damage.addAll(executable.damage()));
        return damage;
    }

    @Override
    public void close() {
        executables.forEach(Executable::close);
        arena.close();
    }
}
