package org.crema.model.placement;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/**
 * A card with memory of its own, of which there is as much as a test wants. What it is given to run runs on another device.
 *
 * @param device does the work
 * @param claimed bytes that it says are free
 * @param real bytes that it gives
 * @param refused a tensor type that it does not run; null for none
 */
record CardDevice(Device device, long claimed, long real, QuantType refused) implements Device {
    @Override
    public DeviceInfo info() {
        return new DeviceInfo("card", 0, "test card", DeviceInfo.Kind.DISCRETE, claimed, claimed, Map.of());
    }

    @Override
    public Support supports(Op op, CompileOptions options) {
        return op.tensors().stream().anyMatch(weight -> weight.type() == refused)
                ? Support.no("there is no kernel for " + refused)
                : device.supports(op, options);
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions options) {
        Set<Weight> weights = new LinkedHashSet<>();
        parts.forEach(part -> weights.addAll(part.tensors()));
        weights.removeAll(options.streamed());
        long streamed = parts.stream().mapToLong(part -> part.tensors().stream().filter(options.streamed()::contains).mapToLong(
                Weight::bytes).sum()).max().orElse(0);
        Footprint own = device.footprint(parts, options);
        return new Footprint(weights.stream().mapToLong(Weight::bytes).sum(), own.caches(), own.scratch(), own.staging()
                + streamed);
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions options) {
        long need = footprint(parts, options).total();
        if (need > real) {
            throw new DeviceException.OutOfMemory(info().id(), need, real, "use less");
        }
        return device.compile(parts, options);
    }

    @Override
    public Rates measure() {
        return new Rates(1e12, 1e13);
    }

    /** So slow that experts stay where they are unless a test wants it otherwise. */
    @Override
    public double measureUpload() {
        return 1e6;
    }

    @Override
    public void close() {
        device.close();
    }
}
