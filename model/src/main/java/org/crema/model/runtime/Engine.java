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

    /** A segment with what is copied before and after it, through host memory. */
    private record Stage(Executable executable, int part, List<Copy> in, List<Copy> out) {}

    /** A slot and its host memory. */
    private record Copy(Slot slot, MemorySegment host) {}

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

    /**
     * What another device reads is copied out right behind the segment that writes it: the device can begin its next segment while
     * the other one works.
     */
    private void link() {
        Map<Slot, MemorySegment> hosts = new HashMap<>();
        Map<Slot, Stage> writers = new HashMap<>();
        for (Segment segment : placement.segments()) {
            Stage stage = new Stage(executables.get(segment.device()), segment.part(), new ArrayList<>(), new ArrayList<>());
            for (Slot slot : segment.copies()) {
                Copy copy = new Copy(slot, hosts.computeIfAbsent(slot,
                        s -> arena.allocate(s.bytes(s.rows().most(options.limits())), 64)));
                stage.in.add(copy);
                Stage writer = writers.remove(slot);
                if (writer != null) {
                    writer.out.add(copy);
                }
            }
            segment.program().outputs().forEach(slot -> writers.put(slot, stage));
            stages.add(stage);
            if (segment.program().outputs().contains(placement.graph().logits())) {
                last = stage.executable;
            }
        }
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
            for (Copy copy : stage.in) {
                stage.executable.write(copy.slot, copy.host, copy.slot.rows().count(step));
            }
            stage.executable.run(stage.part);
            for (Copy copy : stage.out) {
                stage.executable.read(copy.slot, copy.host, copy.slot.rows().count(step));
            }
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
