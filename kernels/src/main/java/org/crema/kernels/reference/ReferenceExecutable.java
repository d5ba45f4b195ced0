package org.crema.kernels.reference;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Stopwatch;
import org.crema.kernels.Timing;
import org.crema.kernels.Weight;

/** Runs each call at once. */
final class ReferenceExecutable implements Executable {
    private final List<Program> parts;
    private final boolean profile;
    private final Stopwatch stopwatch = new Stopwatch();
    /** Of each part, the stopwatch's number of its first op. */
    private final int[] pieces;
    private Memory memory;

    ReferenceExecutable(List<Program> parts, CompileOptions options) {
        this.parts = List.copyOf(parts);
        this.memory = new Memory(parts, options);
        profile = options.profile();
        pieces = new int[parts.size()];
        for (int part = 0, piece = 0; part < pieces.length; part++) {
            pieces[part] = piece;
            for (Op op : parts.get(part).ops()) {
                piece = stopwatch.piece(part, List.of(op)) + 1;
            }
        }
        for (Program part : parts) {
            for (Weight weight : part.tensors()) {
                options.progress().accept(weight.bytes());
            }
        }
    }

    @Override
    public void begin(Step step) {
        open().begin(step);
    }

    @Override
    public void write(Slot slot, MemorySegment source, int rows) {
        open().write(slot, source, rows);
    }

    @Override
    public void run(int part) {
        Interpreter interpreter = new Interpreter(open());
        int piece = pieces[part];
        for (Op op : parts.get(part).ops()) {
            long start = profile ? System.nanoTime() : 0;
            interpreter.run(op);
            if (profile) {
                stopwatch.add(piece++, System.nanoTime() - start);
            }
        }
    }

    @Override
    public void read(Slot slot, MemorySegment target, int rows) {
        open().read(slot, target, rows);
    }

    @Override
    public void finish() {
        open();
    }

    @Override
    public List<Timing> timings() {
        open();
        return stopwatch.take();
    }

    /** Nothing: every slot and cache row is an array of its own, and Java checks each index. */
    @Override
    public List<String> damage() {
        return List.of();
    }

    @Override
    public void close() {
        memory = null;
    }

    private Memory open() {
        if (memory == null) {
            throw new IllegalStateException("this executable is closed");
        }
        return memory;
    }
}
