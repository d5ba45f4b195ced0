package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.AttentionShape;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Compiler;
import org.crema.kernels.gpu.Plan;
import org.crema.kernels.gpu.Tuning;
import org.jocl.CLException;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;

/** An OpenCL device: a context, the programs built for it, and a count of the bytes that its executables hold. */
final class OpenClDevice implements Device {
    private static final int MOST_CACHE_VIEWS = 4;
    /** Cells are numbered in 32 bits. */
    private static final long MOST_ARENA_BYTES = 4L << 32;
    private static final Set<Integer> OUT_OF_MEMORY = Set.of(CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_OUT_OF_RESOURCES,
            CL_OUT_OF_HOST_MEMORY, CL_INVALID_BUFFER_SIZE);

    private final int index;
    private final Facts facts;
    private final Tuning tuning;
    private final DeviceOptions options;
    private final cl_context context;
    private final Programs programs;
    private final AtomicLong used = new AtomicLong();
    private boolean closed;

    OpenClDevice(int index, Facts facts, Tuning tuning, DeviceOptions options) {
        this.index = index;
        this.facts = facts;
        this.tuning = tuning;
        this.options = options;
        try {
            cl_context_properties properties = new cl_context_properties();
            properties.addProperty(CL_CONTEXT_PLATFORM, facts.platformHandle());
            context = clCreateContext(properties, 1, new cl_device_id[] {facts.handle()}, null, null, null);
        } catch (CLException e) {
            throw new DeviceException(id() + ", " + facts.name() + ", cannot be opened: " + e.getMessage()
                    + "; is another process using all of it?", e);
        }
        programs = new Programs(context, facts, id());
    }

    private String id() {
        return OpenClBackend.NAME + ":" + index;
    }

    @Override
    public DeviceInfo info() {
        return facts.info(index, tuning, options.memoryLimit());
    }

    @Override
    public Support supports(Op op, CompileOptions compile) {
        if (op.cache().isPresent()) {
            Cache cache = op.cache().get();
            try {
                compile.cacheType().rowBytes(cache.columns());
            } catch (IllegalArgumentException e) {
                return Support.no(e.getMessage());
            }
            if (cache.bytes(compile.cacheType(), compile.limits()) > facts.maxAllocation()) {
                return tooLarge(cache.toString(), cache.bytes(compile.cacheType(), compile.limits()), "use a shorter context");
            }
        }
        for (Weight weight : op.tensors()) {
            if (!Sources.decodes(weight.type())) {
                return Support.no("there is no kernel for " + weight.type());
            }
            if (weight.bytes() > facts.maxAllocation()) {
                return tooLarge(weight.toString(), weight.bytes(), "place it on another device");
            }
        }
        return switch (op) {
            case Op.CacheWrite write when write.in().size() > MOST_CACHE_VIEWS -> Support.no("a cache row of "
                    + write.in().size() + " views; at most " + MOST_CACHE_VIEWS + " are taken");
            case Op.Attention attention -> local(AttentionShape.of(attention, tuning, facts.capacity()).localBytes());
            case Op.LatentAttention attention -> local(AttentionShape.of(attention, tuning, facts.capacity()).localBytes());
            // Probability, score and group score in F64, a flag.
            case Op.GateExperts gate -> local(25L * gate.routing().experts() + 4L * tuning.selectGroup());
            case Op.ExpertMatMul product -> local(8L * product.weight().count());
            default -> Support.yes();
        };
    }

    private Support tooLarge(String what, long bytes, String remedy) {
        return Support.no("%s takes %,d MiB, the driver allows buffers of %,d MiB; %s".formatted(what, bytes >> 20, facts
                .maxAllocation() >> 20, remedy));
    }

    private Support local(long bytes) {
        return bytes <= facts.localMemory()
                ? Support.yes()
                : Support.no("it needs %,d bytes of local memory, the device has %,d".formatted(bytes, facts.localMemory()));
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions compile) {
        return new Plan(parts, compile, facts.capacity(), tuning).footprint();
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions compile) {
        for (Program part : parts) {
            for (Op op : part.ops()) {
                Support support = supports(op, compile);
                if (!support.ok()) {
                    throw new DeviceException(id() + " cannot run " + op.name() + ": " + support.reason());
                }
            }
            for (Weight weight : part.tensors()) {
                if (weight.planned()) {
                    throw new DeviceException("weight " + weight + " has no data; load the model instead of planning with it");
                }
            }
        }
        Plan plan = new Plan(parts, compile, facts.capacity(), tuning);
        if (plan.arenaBytes() > Math.min(MOST_ARENA_BYTES, facts.maxAllocation())) {
            throw new DeviceException.OutOfMemory(id(), plan.arenaBytes(), Math.min(MOST_ARENA_BYTES, facts.maxAllocation()),
                    "that is for one buffer of activations; use smaller steps");
        }
        long need = plan.footprint().total();
        long have = Math.min(facts.free(), Math.min(facts.memory(), options.memoryLimit()) - used.get());
        if (need > have) {
            throw outOfMemory(need, have);
        }
        used.addAndGet(need);
        try {
            return executable(plan, parts, need);
        } catch (CLException e) {
            used.addAndGet(-need);
            if (OUT_OF_MEMORY.contains(e.getStatus())) {
                DeviceException.OutOfMemory thrown = outOfMemory(need, have);
                thrown.initCause(e);
                throw thrown;
            }
            throw new DeviceException(id() + " could not take the program: " + e.getMessage(), e);
        } catch (RuntimeException | Error e) {
            used.addAndGet(-need);
            throw e;
        }
    }

    private DeviceException.OutOfMemory outOfMemory(long need, long have) {
        return new DeviceException.OutOfMemory(id(), need, Math.max(0, have),
                "use a shorter context, a smaller cache type, smaller steps, or place fewer layers here");
    }

    @SuppressWarnings("deprecation") // its successor is not in OpenCL 1.2
    private Executable executable(Plan plan, List<Program> parts, long bytes) {
        cl_command_queue queue = clCreateCommandQueue(context, facts.handle(), plan.options().profile()
                ? CL_QUEUE_PROFILING_ENABLE
                : 0, null);
        Memory memory = null;
        List<List<Launch>> launches = new ArrayList<>();
        try {
            memory = new Memory(plan, context, queue);
            for (List<Call> calls : new Compiler(plan, facts.capacity(), tuning).compile(parts)) {
                List<Launch> part = new ArrayList<>();
                launches.add(part);
                for (Call call : calls) {
                    part.add(new Launch(call, programs.get(call.kernels()), memory));
                }
            }
            return new OpenClExecutable(id(), plan, parts, launches, memory, queue, () -> used.addAndGet(-bytes));
        } catch (RuntimeException | Error e) {
            launches.forEach(part -> part.forEach(Launch::release));
            if (memory != null) {
                memory.close();
            }
            clReleaseCommandQueue(queue);
            throw e;
        }
    }

    @Override
    public Rates measure() {
        try {
            return new Roofline(context, facts, programs).measure();
        } catch (CLException e) {
            throw new DeviceException(id() + ": measuring failed: " + e.getMessage(), e);
        }
    }

    /** Bytes that executables hold. */
    long used() {
        return used.get();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            programs.close();
            clReleaseContext(context);
        }
    }
}
