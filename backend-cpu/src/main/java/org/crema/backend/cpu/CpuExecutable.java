package org.crema.backend.cpu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.crema.backend.cpu.kernel.Starter;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Executable;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Stopwatch;
import org.crema.kernels.Timing;
import org.crema.kernels.Weight;

/** Programs that are ready to run on the processor. Every call returns when its work is done. */
final class CpuExecutable implements Executable {
    private final Plan plan;
    private final List<Program> parts;
    private final Task.Named[][] tasks;
    private final MemorySegment.Scope[] scopes;
    private final Region region;
    private final Pool pool;
    private final Batch batch;
    /** Null unless compiled to be profiled. */
    private final Stopwatch stopwatch;
    /** Of each part, the stopwatch's number of its first task. */
    private final int[] pieces;
    private boolean closed;

    CpuExecutable(Plan plan, List<Program> parts, List<List<Task.Named>> tasks, Region region, Pool pool) {
        this.plan = plan;
        this.parts = List.copyOf(parts);
        this.tasks = tasks.stream().map(part -> part.toArray(Task.Named[]::new)).toArray(Task.Named[][]::new);
        this.region = region;
        this.pool = pool;
        batch = new Batch(plan.limits());
        Set<MemorySegment.Scope> distinct = new LinkedHashSet<>();
        for (Weight weight : plan.mapped()) {
            distinct.add(weight.data().scope());
        }
        scopes = distinct.toArray(MemorySegment.Scope[]::new);
        stopwatch = plan.options().profile() ? new Stopwatch() : null;
        pieces = new int[this.tasks.length];
        for (int part = 0, piece = 0; stopwatch != null && part < pieces.length; part++) {
            pieces[part] = piece;
            for (Task.Named task : this.tasks[part]) {
                piece = stopwatch.piece(part, task.ops()) + 1;
            }
        }
    }

    @Override
    public void begin(Step step) {
        open();
        batch.take(step);
        pool.wake();
    }

    @Override
    public void write(Slot slot, MemorySegment source, int rows) {
        open();
        check(slot, rows);
        MemorySegment.copy(source, 0, Native.ALL, plan.slot(slot), slot.bytes(rows));
    }

    @Override
    public void run(int part) {
        open();
        pool.enter();
        try {
            if (VectorSupport.PRESENT) {
                Starter.stepBegins();
            }
            Task.Named[] list = tasks[part];
            for (int i = 0; i < list.length; i++) {
                long start = stopwatch == null ? 0 : System.nanoTime();
                run(list[i], part);
                if (stopwatch != null) {
                    stopwatch.add(pieces[part] + i, System.nanoTime() - start);
                }
            }
            Starter.stepDone();
        } finally {
            pool.leave();
        }
    }

    private void run(Task.Named named, int part) {
        try {
            named.task().run(batch, pool);
        } catch (RuntimeException | Error e) {
            throw new DeviceException("cpu: " + named.name() + " of program " + parts.get(part).name() + " failed: "
                    + e.getMessage(), e);
        }
    }

    @Override
    public void best(Slot slot, MemorySegment target, int rows) {
        open();
        check(slot, rows);
        Executable.best(Native.ALL.asSlice(plan.slot(slot), slot.bytes(rows)), slot.columns(), target, rows);
    }

    @Override
    public void read(Slot slot, MemorySegment target, int rows) {
        open();
        check(slot, rows);
        MemorySegment.copy(Native.ALL, plan.slot(slot), target, 0, slot.bytes(rows));
    }

    @Override
    public void finish() {
        open();
    }

    @Override
    public List<Timing> timings() {
        open();
        return stopwatch == null ? List.of() : stopwatch.take();
    }

    @Override
    public List<String> damage() {
        open();
        return new ArrayList<>(region.damage());
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            region.close();
        }
    }

    /** Bytes that are allocated. */
    long bytes() {
        return region.bytes();
    }

    private void open() {
        if (closed) {
            throw new IllegalStateException("the executable is closed");
        }
        // Kernels read weights by address: memory that is gone would take the JVM down.
        for (MemorySegment.Scope scope : scopes) {
            if (!scope.isAlive()) {
                throw new IllegalStateException("the memory of the model's weights was closed before the executable");
            }
        }
    }

    private void check(Slot slot, int rows) {
        if (rows < 0 || rows > slot.rows().most(plan.limits())) {
            throw new IllegalArgumentException(rows + " rows are not in " + slot + ", which has up to " + slot.rows().most(plan
                    .limits()));
        }
    }
}
