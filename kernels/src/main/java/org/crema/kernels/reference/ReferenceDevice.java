package org.crema.kernels.reference;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
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
import org.crema.kernels.Slot;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;

/** Runs every op with every type, in the memory of the Java heap; weights stay where they are mapped. */
final class ReferenceDevice implements Device {
    private static final int MEASURED_BYTES = 128 << 20;
    private static final int MEASURED_STEPS = 1 << 23;
    private static final int MEASURED_ROUNDS = 8;

    private final DeviceInfo info;
    private final DeviceOptions options;

    ReferenceDevice(DeviceInfo info, DeviceOptions options) {
        this.info = info;
        this.options = options;
    }

    @Override
    public DeviceInfo info() {
        return info;
    }

    @Override
    public Support supports(Op op, CompileOptions compile) {
        if (op.cache().isPresent()) {
            try {
                compile.cacheType().rowBytes(op.cache().get().columns());
            } catch (IllegalArgumentException unfit) {
                return Support.no(unfit.getMessage());
            }
        }
        return Support.yes();
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions compile) {
        Set<Cache> caches = new LinkedHashSet<>();
        Set<Slot> slots = new LinkedHashSet<>();
        for (Program part : parts) {
            caches.addAll(part.caches());
            slots.addAll(part.slots());
        }
        // A cache row is kept as the floats that its type can hold, whatever the type.
        long cached = caches.stream().mapToLong(cache -> cache.bytes(Cache.Type.F32, compile.limits())).sum();
        long scratch = slots.stream().mapToLong(slot -> slot.bytes(slot.rows().most(compile.limits()))).sum();
        return new Footprint(0, cached, scratch, 0);
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions compile) {
        for (Program part : parts) {
            for (Op op : part.ops()) {
                Support support = supports(op, compile);
                if (!support.ok()) {
                    throw new DeviceException(info.id() + " cannot run " + op.name() + ": " + support.reason());
                }
            }
            for (Weight weight : part.tensors()) {
                if (weight.planned()) {
                    throw new DeviceException("weight " + weight + " has no data; load the model instead of planning with it");
                }
            }
        }
        long need = footprint(parts, compile).total();
        if (need > options.memoryLimit()) {
            throw new DeviceException.OutOfMemory(info.id(), need, options.memoryLimit(), "take a smaller context or batch");
        }
        return new ReferenceExecutable(parts, compile);
    }

    /** One thread's plain loops: a sum of longs, and chains of multiply-adds. */
    @Override
    public Rates measure() {
        long[] cells = new long[MEASURED_BYTES / Long.BYTES];
        double bytes = 0;
        double flops = 0;
        for (int round = 0; round < MEASURED_ROUNDS; round++) {
            long start = System.nanoTime();
            long sum = 0;
            for (long cell : cells) {
                sum += cell;
            }
            long read = System.nanoTime();
            float a = sum;
            float b = 1;
            float c = 2;
            float d = 3;
            for (int i = 0; i < MEASURED_STEPS; i++) {
                a = a * 0.5f + 1;
                b = b * 0.5f + 1;
                c = c * 0.5f + 1;
                d = d * 0.5f + 1;
            }
            long computed = System.nanoTime();
            // The result is used, so that the loops are not left out.
            if (a + b + c + d == 0) {
                throw new IllegalStateException("the chains converge to 2");
            }
            bytes = Math.max(bytes, 1e9 * MEASURED_BYTES / (read - start));
            flops = Math.max(flops, 1e9 * 8 * MEASURED_STEPS / (computed - read));
        }
        return new Rates(bytes, flops);
    }

    @Override
    public void close() {
        // Nothing is held: executables live on the Java heap.
    }
}
