package org.crema.model.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.Executable;
import org.crema.kernels.Segment;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Timing;
import org.crema.model.placement.Placement;

/** A placed model, ready to run: one executable per device, and the copies between them. One thread at a time. */
public final class Engine implements AutoCloseable {
    private final Placement placement;
    private final CompileOptions options;
    private final Arena arena = Arena.ofShared();
    private final List<Executable> executables = new ArrayList<>();
    private final List<Stage> stages = new ArrayList<>();
    private Executable last;

    /** A segment with the copies that it needs first. */
    private record Stage(Executable executable, int part, List<Copy> copies) {}

    /**
     * A slot's way from one device to another, through host memory.
     *
     * @param from who wrote it; null if the host memory has these rows already
     */
    private record Copy(Slot slot, Executable from, MemorySegment host) {}

    /**
     * Compiles every device's segments.
     *
     * @throws org.crema.kernels.DeviceException if a device cannot take its part; nothing stays allocated then
     */
    public Engine(Placement placement, CompileOptions options) {
        this.placement = placement;
        this.options = options;
        placement.check(options);
        try {
            for (int d = 0; d < placement.devices().size(); d++) {
                Device device = placement.devices().get(d);
                executables.add(device.compile(placement.segmentsOf(d).stream().map(Segment::program).toList(), options));
            }
            link();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void link() {
        Map<Slot, MemorySegment> hosts = new HashMap<>();
        Map<Slot, Executable> writers = new HashMap<>();
        for (Segment segment : placement.segments()) {
            Executable executable = executables.get(segment.device());
            List<Copy> copies = new ArrayList<>();
            for (Slot slot : segment.copies()) {
                MemorySegment host = hosts.computeIfAbsent(slot,
                        s -> arena.allocate(s.bytes(s.rows().most(options.limits())), 64));
                copies.add(new Copy(slot, writers.remove(slot), host));
            }
            segment.program().outputs().forEach(slot -> writers.put(slot, executable));
            stages.add(new Stage(executable, segment.part(), copies));
        }
        last = writers.get(placement.graph().logits());
    }

    public Placement placement() {
        return placement;
    }

    public CompileOptions options() {
        return options;
    }

    /**
     * Runs a step.
     *
     * @param logits gets the logits of the wanted rows, outputs × vocabulary
     */
    public void run(Step step, MemorySegment logits) {
        for (Executable executable : executables) {
            executable.begin(step);
        }
        for (Stage stage : stages) {
            for (Copy copy : stage.copies()) {
                int rows = copy.slot().rows().count(step);
                if (copy.from() != null) {
                    copy.from().read(copy.slot(), copy.host(), rows);
                }
                stage.executable().write(copy.slot(), copy.host(), rows);
            }
            stage.executable().run(stage.part());
        }
        if (step.outputs() > 0) {
            last.read(placement.graph().logits(), logits, step.outputs());
        } else {
            executables.forEach(Executable::finish);
        }
    }

    /** Where the time of the steps since the last call went; empty unless compiled with {@link CompileOptions#profile}. */
    public List<Timing> timings() {
        return executables.stream().flatMap(executable -> executable.timings().stream()).toList();
    }

    @Override
    public void close() {
        executables.forEach(Executable::close);
        executables.clear();
        arena.close();
    }
}
