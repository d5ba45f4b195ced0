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
import org.crema.kernels.Slot;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;

/** Runs every op with every type, in the memory of the Java heap; weights stay where they are mapped. */
final class ReferenceDevice implements Device {
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

    @Override
    public void close() {
        // Nothing is held: executables live on the Java heap.
    }
}
