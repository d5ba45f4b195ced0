package org.crema.kernels.conformance;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Segment;
import org.crema.kernels.Step;
import org.crema.kernels.Support;

/** A case of {@link PerfCases} on a device, to be run again and again. One thread at a time. */
public final class Workload implements AutoCloseable {
    private static final long SEED = 1;

    private final Arena arena = Arena.ofShared();
    private final Scenario scenario;
    private final CompileOptions options;
    private final Step step;
    private Executable executable;
    private int part;

    /**
     * Compiles the case, fills its caches and inputs.
     *
     * @param name one of {@link PerfCases#names}
     * @throws DeviceException if the device cannot run it, with the reason
     */
    public Workload(Device device, String name, Precision precision) {
        try {
            Case c = PerfCases.named(name);
            this.scenario = c.build().apply(new RandomData(SEED, arena));
            this.options = new CompileOptions(precision, scenario.cacheType(), scenario.limits());
            for (Op each : scenario.program().ops()) {
                Support support = device.supports(each, options);
                if (!support.ok()) {
                    throw new DeviceException(support.reason());
                }
            }
            this.step = new Step(scenario.limits(), arena);
            prepare(device);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** The op that is timed comes last; what writes its cache is a part of its own. */
    private void prepare(Device device) {
        List<Program> parts = Runner.cut(scenario, Scenario.Cut.PARTS).stream().map(Segment::program).toList();
        executable = device.compile(parts, options);
        part = parts.size() - 1;
        for (Scenario.Round round : scenario.rounds()) {
            step.set(round.step());
            executable.begin(step);
            round.inputs().forEach((slot, cells) -> {
                MemorySegment source = arena.allocate(4L * cells.length, 64);
                MemorySegment.copy(cells, 0, source, JAVA_INT, 0, cells.length);
                executable.write(slot, source, slot.rows().count(round.step()));
            });
            for (int p = 0; p < part; p++) {
                executable.run(p);
            }
            executable.finish();
            if (!round.fillOnly()) {
                break;
            }
        }
    }

    /** The op that is timed. */
    public Op op() {
        return scenario.program().ops().getLast();
    }

    /** The step that it is timed with. */
    public Step step() {
        return step;
    }

    public CompileOptions options() {
        return options;
    }

    /** Runs the op {@code times} times and waits until all are done. */
    public void run(int times) {
        for (int i = 0; i < times; i++) {
            executable.begin(step);
            executable.run(part);
        }
        executable.finish();
    }

    @Override
    public void close() {
        if (executable != null) {
            executable.close();
        }
        arena.close();
    }
}
