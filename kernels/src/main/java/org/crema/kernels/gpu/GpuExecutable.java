package org.crema.kernels.gpu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Stopwatch;
import org.crema.kernels.Timing;
import org.crema.kernels.gpu.Call.Argument.Shared;

/** Programs that are ready to run, on a queue of their own. */
final class GpuExecutable<B> implements Executable {
    private final GpuDevice device;
    private final Plan plan;
    private final Compiler compiler;
    private final Queue<B> queue;
    private final Memory<B> memory;
    private final List<Part> parts = new ArrayList<>();
    /** Of outputs whose best columns were asked for. */
    private final Map<Slot, Part> best = new HashMap<>();
    private final Runnable freed;
    private final int vocabulary;
    private final Counts counts = new Counts();
    private final MemorySegment exchange;
    private final MemorySegment block;
    private final Stopwatch stopwatch = new Stopwatch();
    /** Of each part, the pieces that its calls belong to: calls for the same ops are one piece. */
    private final List<int[]> pieces = new ArrayList<>();
    /** Of each part, since times were last taken. */
    private final long[] runs;
    private boolean begun;
    /** Whether the step block may still be on its way. */
    private boolean sent;
    private boolean closed;

    /**
     * Leaves the queue open if it fails.
     *
     * @param queue is closed with this
     * @param freed is run when the memory is free again
     */
    GpuExecutable(GpuDevice device, Plan plan, List<Program> programs, Compiler compiler, Queue<B> queue, Runnable freed) {
        this.device = device;
        this.plan = plan;
        this.compiler = compiler;
        this.queue = queue;
        this.freed = freed;
        vocabulary = vocabulary(programs);
        memory = new Memory<>(plan, queue);
        exchange = queue.staging(plan.exchangeBytes());
        block = queue.staging(plan.stepBytes());
        List<List<Call>> calls = compiler.compile(programs);
        runs = new long[calls.size()];
        for (List<Call> list : calls) {
            pieces.add(pieces(pieces.size(), list));
            parts.add(queue.part(list, memory));
        }
    }

    /** Rows of the smallest table. */
    private static int vocabulary(List<Program> programs) {
        int least = Integer.MAX_VALUE;
        for (Program program : programs) {
            for (Op op : program.ops()) {
                if (op instanceof Op.Embed embed) {
                    least = Math.min(least, embed.table().rows());
                }
            }
        }
        return least;
    }

    private int[] pieces(int part, List<Call> calls) {
        int[] pieces = new int[calls.size()];
        List<Op> before = List.of();
        for (int i = 0; i < pieces.length; i++) {
            List<Op> ops = calls.get(i).ops();
            pieces[i] = ops.equals(before) ? pieces[i - 1] : stopwatch.piece(part, ops);
            before = ops;
        }
        return pieces;
    }

    @Override
    public void begin(Step step) {
        open();
        if (!step.limits().equals(plan.limits())) {
            throw new IllegalArgumentException("a step of " + step.limits() + " for an executable of " + plan.limits());
        }
        for (int t = 0; t < step.tokens(); t++) {
            // A kernel would read beyond the table.
            if (step.token(t) >= vocabulary) {
                throw new DeviceException("token " + step.token(t) + " is not in the vocabulary of " + vocabulary);
            }
        }
        if (sent) {
            finish();
        }
        block.copyFrom(step.block());
        counts.take(step);
        begun = true;
        sent = true;
        device.run("taking a step", () -> queue.send(memory.shared(Shared.STEP), 0, block));
    }

    @Override
    public void write(Slot slot, MemorySegment source, int rows) {
        long at = offset(slot, rows);
        long bytes = slot.bytes(rows);
        if (bytes > 0) {
            MemorySegment piece = exchange.asSlice(0, bytes);
            MemorySegment.copy(source, 0, piece, 0, bytes);
            device.run("writing " + slot, () -> queue.write(memory.shared(Shared.ARENA), at, piece));
        }
    }

    @Override
    public void run(int part) {
        open();
        if (!begun) {
            throw new IllegalStateException("begin(step) must come first");
        }
        Part calls = parts.get(part);
        runs[part]++;
        device.run("part " + part, () -> {
            memory.stream(part);
            calls.run(counts);
        });
    }

    @Override
    public void read(Slot slot, MemorySegment target, int rows) {
        long at = offset(slot, rows);
        long bytes = slot.bytes(rows);
        if (bytes > 0) {
            MemorySegment piece = exchange.asSlice(0, bytes);
            device.run("reading " + slot, () -> queue.read(memory.shared(Shared.ARENA), at, piece));
            MemorySegment.copy(piece, 0, target, 0, bytes);
            sent = false;
        }
    }

    @Override
    public void best(Slot slot, MemorySegment target, int rows) {
        if (rows == 0 || rows != counts.rows(slot.rows()) || !compiler.finds(slot)) {
            Executable.super.best(slot, target, rows);
            return;
        }
        offset(slot, rows);
        MemorySegment piece = exchange.asSlice(0, (long) Integer.BYTES * rows);
        device.run("finding the best of " + slot, () -> {
            best.computeIfAbsent(slot, s -> queue.part(List.of(compiler.best(s)), memory)).run(counts);
            queue.read(memory.shared(Shared.ARENA), plan.bestAt(), piece);
        });
        MemorySegment.copy(piece, 0, target, 0, piece.byteSize());
    }

    @Override
    public void finish() {
        open();
        device.run("finishing", queue::finish);
        sent = false;
    }

    @Override
    public List<Timing> timings() {
        finish();
        if (!plan.options().profile()) {
            return List.of();
        }
        for (int part = 0; part < parts.size(); part++) {
            int[] of = pieces.get(part);
            Part calls = parts.get(part);
            long[] nanos = new long[of.length];
            device.run("reading timestamps", () -> calls.addTimes(nanos));
            for (int i = 0; i < of.length;) {
                int piece = of[i];
                long sum = 0;
                while (i < of.length && of[i] == piece) {
                    sum += nanos[i++];
                }
                if (sum > 0) {
                    stopwatch.add(piece, runs[part], sum);
                }
            }
            runs[part] = 0;
        }
        // No part of a program: their times are taken, so that they do not pile up, and not told.
        best.values().forEach(part -> part.addTimes(new long[1]));
        return stopwatch.take();
    }

    @Override
    public List<String> damage() {
        open();
        return memory.damage();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            queue.close();
            freed.run();
        }
    }

    private void open() {
        if (closed) {
            throw new IllegalStateException("the executable is closed");
        }
        // Kernels would read memory that is gone.
        if (!memory.alive()) {
            throw new IllegalStateException("the memory of the model's weights was closed before the executable");
        }
    }

    /** Of a slot in the arena, in bytes. */
    private long offset(Slot slot, int rows) {
        open();
        int most = slot.rows().most(plan.limits());
        if (rows < 0 || rows > most) {
            throw new IllegalArgumentException(rows + " rows of " + slot + ", which has room for " + most);
        }
        if (slot.bytes(rows) > plan.exchangeBytes()) {
            throw new IllegalArgumentException(slot + " is neither input nor output of a program here");
        }
        return plan.layout().offset(slot);
    }
}
