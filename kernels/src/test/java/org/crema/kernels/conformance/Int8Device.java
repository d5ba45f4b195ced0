package org.crema.kernels.conformance;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Timing;
import org.crema.kernels.View;

/**
 * The reference with what {@link Precision#FAST} allows: the inputs of products rounded to int8, in blocks with a scale each, as
 * llama.cpp does.
 */
final class Int8Device extends BrokenDevice {
    private final int block;
    private final int most;

    /**
     * @param block activations that share a scale
     * @param most the largest code: 127 in int8
     */
    Int8Device(int block, int most) {
        this.block = block;
        this.most = most;
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions options) {
        if (options.precision() == Precision.F32) {
            return super.compile(parts, options);
        }
        List<Program> single = new ArrayList<>();
        List<Integer> firsts = new ArrayList<>();
        for (Program part : parts) {
            firsts.add(single.size());
            Set<Slot> slots = part.slots();
            part.ops().forEach(op -> single.add(new Program(op.name(), List.copyOf(slots), List.of(op), List.of())));
        }
        firsts.add(single.size());
        return new Rounding(super.compile(single, options), single, firsts, options.limits());
    }

    private final class Rounding implements Executable {
        private final Executable executable;
        private final List<Program> single;
        private final List<Integer> firsts;
        private final Step step;

        Rounding(Executable executable, List<Program> single, List<Integer> firsts, Limits limits) {
            this.executable = executable;
            this.single = single;
            this.firsts = firsts;
            this.step = new Step(limits, Arena.ofAuto());
        }

        @Override
        public void begin(Step next) {
            step.set(next);
            executable.begin(next);
        }

        @Override
        public void run(int part) {
            for (int i = firsts.get(part); i < firsts.get(part + 1); i++) {
                Op op = single.get(i).ops().getFirst();
                if (op instanceof Op.MatMul || op instanceof Op.HeadMatMul || op instanceof Op.ExpertMatMul) {
                    runRounded(i, op.reads().getFirst());
                } else {
                    executable.run(i);
                }
            }
        }

        /** Other readers of the slot must find it as it was. */
        private void runRounded(int i, View in) {
            int rows = in.rows().count(step);
            MemorySegment cells = MemorySegment.ofArray(new int[rows * in.slot().columns()]);
            executable.read(in.slot(), cells, rows);
            MemorySegment rounded = MemorySegment.ofArray(new int[rows * in.slot().columns()]).copyFrom(cells);
            for (int row = 0; row < rows; row++) {
                for (int g = 0; g < in.groups(); g++) {
                    for (int c = 0; c < in.columns(); c += block) {
                        round(rounded, (long) row * in.slot().columns() + in.at(g, c), Math.min(block, in.columns() - c));
                    }
                }
            }
            executable.write(in.slot(), rounded, rows);
            executable.run(i);
            executable.write(in.slot(), cells, rows);
        }

        private void round(MemorySegment cells, long at, int n) {
            float largest = 0;
            for (int i = 0; i < n; i++) {
                largest = Math.max(largest, Math.abs(cells.getAtIndex(JAVA_FLOAT, at + i)));
            }
            for (int i = 0; i < n && largest > 0; i++) {
                float d = largest / most;
                cells.setAtIndex(JAVA_FLOAT, at + i, (float) (d * Math.rint(cells.getAtIndex(JAVA_FLOAT, at + i) / d)));
            }
        }

        @Override
        public void write(Slot slot, MemorySegment source, int rows) {
            executable.write(slot, source, rows);
        }

        @Override
        public void read(Slot slot, MemorySegment target, int rows) {
            executable.read(slot, target, rows);
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
            return executable.damage();
        }

        @Override
        public void close() {
            executable.close();
        }
    }
}
