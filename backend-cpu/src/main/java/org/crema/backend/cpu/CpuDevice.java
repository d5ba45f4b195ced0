package org.crema.backend.cpu;

import java.util.List;
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

/** The processor: a pool of threads that all its executables share. */
final class CpuDevice implements Device {
    private final Pool pool;
    private final DeviceOptions options;

    CpuDevice(DeviceOptions options) {
        this.options = options;
        pool = new Pool(options.threads() == 0 ? Machine.cores() : options.threads());
    }

    @Override
    public DeviceInfo info() {
        return CpuBackend.info(pool.threads(), options.memoryLimit());
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
        }
        return Support.yes();
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions compile) {
        Plan plan = new Plan(parts, compile, pool.threads());
        Compiler.tasks(plan, parts);
        return plan.footprint();
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions compile) {
        for (Program part : parts) {
            for (Op op : part.ops()) {
                Support support = supports(op, compile);
                if (!support.ok()) {
                    throw new DeviceException("the CPU cannot run " + op.name() + ": " + support.reason());
                }
            }
        }
        Plan plan = new Plan(parts, compile, pool.threads());
        List<List<Task.Named>> tasks = Compiler.tasks(plan, parts);
        long need = plan.footprint().total();
        long have = Math.min(options.memoryLimit(), Machine.freeMemory());
        if (need > have) {
            throw outOfMemory(need, have);
        }
        Region region = new Region(compile.guardBytes());
        try {
            plan.bind(region);
        } catch (OutOfMemoryError e) {
            region.close();
            DeviceException.OutOfMemory thrown = outOfMemory(need, have);
            thrown.initCause(e);
            throw thrown;
        } catch (RuntimeException | Error e) {
            region.close();
            throw e;
        }
        for (Program part : parts) {
            part.tensors().forEach(weight -> compile.progress().accept(weight.bytes()));
        }
        return new CpuExecutable(plan, parts, tasks, region, pool);
    }

    private static DeviceException.OutOfMemory outOfMemory(long need, long have) {
        return new DeviceException.OutOfMemory(CpuBackend.NAME, need, have,
                "use a shorter context, a smaller cache type or smaller steps");
    }

    @Override
    public Rates measure() {
        return Roofline.measure(pool);
    }

    @Override
    public void close() {
        pool.close();
    }
}
