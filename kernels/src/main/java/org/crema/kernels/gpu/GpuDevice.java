package org.crema.kernels.gpu;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Support;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/** A GPU of any driver: what it can run, what fits, and a count of the bytes that its executables hold. */
public final class GpuDevice implements Device {
    private static final int MOST_CACHE_VIEWS = 4;
    /** Cells of the arena are numbered in 32 bits. */
    private static final long MOST_ARENA_BYTES = 4L << 32;
    /** Work-groups in the second and third dimension that every driver takes; rows are counted there. */
    private static final int MOST_ROWS = 65535;

    private final Driver driver;
    private final DeviceOptions options;
    private final String id;
    private final Tuning tuning;
    private final Capacity capacity;
    private final Features features;
    private final AtomicLong used = new AtomicLong();
    private boolean closed;

    /** @param driver is closed with this */
    public GpuDevice(Driver driver, DeviceOptions options) {
        this.driver = driver;
        this.options = options;
        id = driver.info().id();
        tuning = driver.tuning();
        capacity = driver.capacity();
        features = driver.features();
    }

    @Override
    public DeviceInfo info() {
        DeviceInfo info = driver.info();
        return new DeviceInfo(info.backend(), info.index(), info.name(), info.kind(), Math.min(info.memoryBytes(), options
                .memoryLimit()), Math.min(info.freeBytes(), options.memoryLimit()), info.details());
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
            long bytes = cache.bytes(compile.cacheType(), compile.limits());
            if (bytes > capacity.largestBinding()) {
                return tooLarge(cache.toString(), bytes, capacity.largestBinding(), "use a shorter context");
            }
        }
        for (Weight weight : op.tensors()) {
            if (weight.bytes() > capacity.largestAllocation()) {
                return tooLarge(weight.toString(), weight.bytes(), capacity.largestAllocation(), "place it on another device");
            }
        }
        int rows = mostRows(op, compile.limits());
        if (rows > MOST_ROWS) {
            return Support.no("steps of %,d tokens make %,d rows of it; at most %,d are taken, use smaller steps".formatted(
                    compile.limits().tokens(), rows, MOST_ROWS));
        }
        Support support = switch (op) {
            case Op.CacheWrite write when write.in().size() > MOST_CACHE_VIEWS -> Support.no("a cache row of "
                    + write.in().size() + " views; at most " + MOST_CACHE_VIEWS + " are taken");
            case Op.Attention attention -> local(AttentionShape.of(attention, tuning, capacity).localBytes());
            case Op.LatentAttention attention -> local(AttentionShape.of(attention, tuning, capacity).localBytes());
            // Probability, score and group score in F64, a flag.
            case Op.GateExperts gate -> local(25L * gate.routing().experts() + 4L * tuning.selectGroup());
            case Op.ExpertMatMul product -> local(8L * product.weight().count());
            default -> Support.yes();
        };
        return support.ok() ? driver.supports(op) : support;
    }

    private static int mostRows(Op op, Limits limits) {
        int most = 0;
        for (View view : op.writes()) {
            most = Math.max(most, view.rows().most(limits));
        }
        return most;
    }

    private static Support tooLarge(String what, long bytes, long most, String remedy) {
        return Support.no("%s takes %,d MiB, the driver allows buffers of %,d MiB; %s".formatted(what, bytes >> 20, most >> 20,
                remedy));
    }

    private Support local(long bytes) {
        return bytes <= capacity.localMemory()
                ? Support.yes()
                : Support.no("it needs %,d bytes of local memory, the device has %,d".formatted(bytes, capacity.localMemory()));
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions compile) {
        return new Plan(parts, compile, capacity, tuning, features).footprint();
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions compile) {
        for (Program part : parts) {
            for (Op op : part.ops()) {
                Support support = supports(op, compile);
                if (!support.ok()) {
                    throw new DeviceException(id + " cannot run " + op.name() + ": " + support.reason());
                }
            }
            for (Weight weight : part.tensors()) {
                if (weight.planned()) {
                    throw new DeviceException("weight " + weight + " has no data; load the model instead of planning with it");
                }
            }
        }
        Plan plan = new Plan(parts, compile, capacity, tuning, features);
        long mostArena = Math.min(MOST_ARENA_BYTES, capacity.largestBinding());
        if (plan.arenaBytes() > mostArena) {
            throw new DeviceException.OutOfMemory(id, plan.arenaBytes(), mostArena,
                    "that is for one buffer of activations; use smaller steps");
        }
        long need = plan.footprint().total();
        DeviceInfo info = driver.info();
        long have = Math.min(info.freeBytes(), Math.min(info.memoryBytes(), options.memoryLimit()) - used.get());
        if (need > have) {
            throw outOfMemory(need, have);
        }
        used.addAndGet(need);
        try {
            return executable(plan, parts, need);
        } catch (RuntimeException | Error e) {
            used.addAndGet(-need);
            if (e instanceof RuntimeException thrown && driver.outOfMemory(thrown)) {
                DeviceException.OutOfMemory refused = outOfMemory(need, have);
                refused.initCause(e);
                throw refused;
            }
            if (e instanceof RuntimeException thrown && driver.failure(thrown)) {
                throw new DeviceException(id + " could not take the program: " + e.getMessage(), e);
            }
            throw e;
        }
    }

    private DeviceException.OutOfMemory outOfMemory(long need, long have) {
        return new DeviceException.OutOfMemory(id, need, Math.max(0, have),
                "use a shorter context, a smaller cache type, smaller steps, or place fewer layers here");
    }

    private Executable executable(Plan plan, List<Program> parts, long bytes) {
        Compiler compiler = new Compiler(plan, capacity, tuning, features);
        Queue<?> queue = driver.queue(plan.options().profile());
        try {
            return new GpuExecutable<>(this, plan, parts, compiler, queue, () -> used.addAndGet(-bytes));
        } catch (RuntimeException | Error e) {
            queue.close();
            throw e;
        }
    }

    @Override
    public Rates measure() {
        Rates[] rates = new Rates[1];
        run("measuring", () -> {
            try (Queue<?> queue = driver.queue(true)) {
                rates[0] = new Roofline<>(queue, driver).measure();
            }
        });
        return rates[0];
    }

    @Override
    public double measureUpload() {
        if (capacity.processor()) {
            return Double.POSITIVE_INFINITY;
        }
        double[] rate = new double[1];
        run("measuring", () -> {
            try (Queue<?> queue = driver.queue(false)) {
                rate[0] = Roofline.upload(queue, driver);
            }
        });
        return rate[0];
    }

    /** Runs something; exceptions of the binding become ones that say what failed. */
    void run(String what, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            if (driver.failure(e)) {
                throw new DeviceException(id + ": " + what + " failed: " + e.getMessage(), e);
            }
            throw e;
        }
    }

    /** Bytes that executables hold. */
    public long used() {
        return used.get();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            driver.close();
        }
    }
}
