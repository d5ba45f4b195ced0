package org.crema.model.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Executable;
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
    /** Host memory of slots that are copied. */
    private final Map<Slot, MemorySegment> hosts = new HashMap<>();
    private List<Stage> stages = List.of();
    /** Of steps in which experts are streamed. */
    private List<Stage> largeStages = List.of();
    private int large = Integer.MAX_VALUE;
    private Executable last;

    /** A part with what is copied before and after it, through host memory. */
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
                executables.add(placement.devices().get(d).compile(placement.programsOf(d), options));
            }
            stages = link(placement.parts(false));
            largeStages = link(placement.parts(true));
            large = placement.streaming().map(Placement.Streaming::from).orElse(Integer.MAX_VALUE);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * What another device reads is copied out right behind the part that writes it: the device can begin its next part while the other
     * one works.
     */
    private List<Stage> link(List<Placement.Part> parts) {
        List<Stage> linked = new ArrayList<>();
        Map<Slot, Stage> writers = new HashMap<>();
        for (Placement.Part part : parts) {
            Stage stage = new Stage(executables.get(part.device()), part.number(), new ArrayList<>(), new ArrayList<>());
            for (Slot slot : part.copies()) {
                Copy copy = new Copy(slot, hosts.computeIfAbsent(slot,
                        s -> arena.allocate(s.bytes(s.rows().most(options.limits())), 64)));
                stage.in.add(copy);
                Stage writer = writers.remove(slot);
                if (writer != null) {
                    writer.out.add(copy);
                }
            }
            part.outputs().forEach(slot -> writers.put(slot, stage));
            linked.add(stage);
            if (part.outputs().contains(placement.graph().logits())) {
                last = stage.executable;
            }
        }
        return linked;
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
        run(step);
        if (step.outputs() > 0) {
            logits(step, logits);
        } else {
            executables.forEach(Executable::finish);
        }
    }

    /**
     * Runs a step and finds the best token to follow each wanted row, on the device if it can: see
     * {@link Executable#best(Slot, MemorySegment, int)}.
     *
     * @param tokens outputs × i32; -1 for a row without a best one, of which {@link #logits} tells more
     */
    public void best(Step step, MemorySegment tokens) {
        run(step);
        last.best(placement.graph().logits(), tokens, step.outputs());
    }

    /** Copies the logits of the wanted rows of the step that was run last, outputs × vocabulary. */
    public void logits(Step step, MemorySegment logits) {
        last.read(placement.graph().logits(), logits, step.outputs());
    }

    private void run(Step step) {
        for (Executable executable : executables) {
            executable.begin(step);
        }
        for (Stage stage : step.tokens() < large ? stages : largeStages) {
            for (Copy copy : stage.in) {
                stage.executable.write(copy.slot, copy.host, copy.slot.rows().count(step));
            }
            stage.executable.run(stage.part);
            for (Copy copy : stage.out) {
                stage.executable.read(copy.slot, copy.host, copy.slot.rows().count(step));
            }
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
