package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Timing;
import org.crema.kernels.gpu.Counts;
import org.crema.kernels.gpu.Plan;
import org.jocl.CLException;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;

/** Programs that are ready to run: lists of launches on a queue of their own. */
final class OpenClExecutable implements Executable {
    private final String device;
    private final Plan plan;
    private final Launch[][] launches;
    private final Memory memory;
    private final cl_command_queue queue;
    private final Runnable freed;
    private final int vocabulary;
    private final Counts counts = new Counts();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment exchange;
    private final Pointer exchangePointer;
    private final MemorySegment block;
    private final Pointer blockPointer;
    /** Null unless compiled to be profiled. */
    private final Profiler profiler;
    private boolean begun;
    private boolean closed;

    /** @param freed is run when the memory is free again */
    OpenClExecutable(String device, Plan plan, List<Program> parts, List<List<Launch>> launches, Memory memory,
            cl_command_queue queue, Runnable freed) {
        this.device = device;
        this.plan = plan;
        this.launches = launches.stream().map(part -> part.toArray(Launch[]::new)).toArray(Launch[][]::new);
        this.memory = memory;
        this.queue = queue;
        this.freed = freed;
        exchange = arena.allocate(plan.exchangeBytes(), 64);
        exchangePointer = Host.pointer(exchange);
        block = arena.allocate(plan.stepBytes(), 64);
        blockPointer = Host.pointer(block);
        int least = Integer.MAX_VALUE;
        for (Program part : parts) {
            for (Op op : part.ops()) {
                if (op instanceof Op.Embed embed) {
                    least = Math.min(least, embed.table().rows());
                }
            }
        }
        vocabulary = least;
        profiler = plan.options().profile() ? new Profiler(launches) : null;
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
        block.copyFrom(step.block());
        counts.take(step);
        begun = true;
        try {
            clEnqueueWriteBuffer(queue, memory.step(), true, 0, plan.stepBytes(), blockPointer, 0, null, null);
        } catch (CLException e) {
            throw failed("taking a step", e);
        }
    }

    @Override
    public void write(Slot slot, MemorySegment source, int rows) {
        long at = offset(slot, rows);
        long bytes = slot.bytes(rows);
        if (bytes == 0) {
            return;
        }
        MemorySegment.copy(source, 0, exchange, 0, bytes);
        try {
            clEnqueueWriteBuffer(queue, memory.arena(), true, at, bytes, exchangePointer, 0, null, null);
        } catch (CLException e) {
            throw failed("writing " + slot, e);
        }
    }

    @Override
    public void run(int part) {
        open();
        if (!begun) {
            throw new IllegalStateException("begin(step) must come first");
        }
        Launch[] list = launches[part];
        for (Launch launch : list) {
            try {
                if (profiler == null) {
                    launch.enqueue(queue, counts, null);
                } else {
                    profiler.enqueue(launch, queue, counts);
                }
            } catch (CLException e) {
                throw failed(launch.name(), e);
            }
        }
        try {
            clFlush(queue);
        } catch (CLException e) {
            throw failed("part " + part, e);
        }
    }

    @Override
    public void read(Slot slot, MemorySegment target, int rows) {
        long at = offset(slot, rows);
        long bytes = slot.bytes(rows);
        if (bytes == 0) {
            return;
        }
        try {
            clEnqueueReadBuffer(queue, memory.arena(), true, at, bytes, exchangePointer, 0, null, null);
        } catch (CLException e) {
            throw failed("reading " + slot, e);
        }
        MemorySegment.copy(exchange, 0, target, 0, bytes);
    }

    @Override
    public void finish() {
        open();
        try {
            clFinish(queue);
        } catch (CLException e) {
            throw failed("finishing", e);
        }
    }

    @Override
    public List<Timing> timings() {
        finish();
        try {
            return profiler == null ? List.of() : profiler.take();
        } catch (CLException e) {
            throw failed("reading timestamps", e);
        }
    }

    @Override
    public List<String> damage() {
        open();
        return memory.damage();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        for (Launch[] part : launches) {
            for (Launch launch : part) {
                launch.release();
            }
        }
        if (profiler != null) {
            profiler.close();
        }
        memory.close();
        clReleaseCommandQueue(queue);
        arena.close();
        freed.run();
    }

    private DeviceException failed(String what, CLException e) {
        return new DeviceException(device + ": " + what + " failed: " + e.getMessage(), e);
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
