package org.crema.kernels.conformance;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.UnaryOperator;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Guards;
import org.crema.kernels.Layout;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Support;
import org.crema.kernels.Timing;
import org.crema.kernels.reference.ReferenceBackend;

/** The reference with a fault: each override is one that a real backend could have. */
class BrokenDevice implements Device {
    private final Device reference = new ReferenceBackend().open(0, DeviceOptions.DEFAULT);

    /** What is run in place of an op. */
    Op replace(Op op) {
        return op;
    }

    /** Changes what is read back of a slot. */
    void spoil(Slot slot, MemorySegment cells, int rows, int run) {}

    /** Byte of a guarded arena that a run writes to; none if negative. */
    long stray(Layout layout, List<Program> parts) {
        return -1;
    }

    /** Whether the step is looked at when a part runs, not when it is begun. */
    boolean readsStepLate() {
        return false;
    }

    @Override
    public DeviceInfo info() {
        return reference.info();
    }

    @Override
    public Support supports(Op op, CompileOptions options) {
        return reference.supports(op, options);
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions options) {
        return reference.footprint(parts, options);
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions options) {
        return new Broken(parts, options);
    }

    @Override
    public Rates measure() {
        return reference.measure();
    }

    @Override
    public void close() {
        reference.close();
    }

    private static Program with(Program program, UnaryOperator<Op> replacement) {
        return new Program(program.name(), program.inputs(), program.ops().stream().map(replacement).toList(), program
                .outputs());
    }

    private final class Broken implements Executable {
        private final Executable executable;
        private final Layout layout;
        private final MemorySegment arena;
        private final long stray;
        private Step late;
        private int runs;

        Broken(List<Program> parts, CompileOptions options) {
            executable = reference.compile(parts.stream().map(part -> with(part, BrokenDevice.this::replace)).toList(), options);
            layout = new Layout(parts, options.limits(), 64, options.guardBytes());
            arena = Arena.ofAuto().allocate(layout.bytes(), 64);
            Guards.fill(arena);
            stray = stray(layout, parts);
        }

        @Override
        public void begin(Step step) {
            executable.begin(step);
            late = step;
        }

        @Override
        public void write(Slot slot, MemorySegment source, int rows) {
            executable.write(slot, source, rows);
        }

        @Override
        public void run(int part) {
            if (readsStepLate()) {
                executable.begin(late);
            }
            executable.run(part);
            runs++;
            if (stray >= 0) {
                arena.set(JAVA_INT_UNALIGNED, stray, 0);
            }
        }

        @Override
        public void read(Slot slot, MemorySegment target, int rows) {
            executable.read(slot, target, rows);
            spoil(slot, target, rows, runs);
        }

        @Override
        public void finish() {
            executable.finish();
        }

        @Override
        public List<Timing> timings() {
            return executable.timings();
        }

        @Override
        public List<String> damage() {
            return Guards.damage(layout, arena);
        }

        @Override
        public void close() {
            executable.close();
        }
    }
}
