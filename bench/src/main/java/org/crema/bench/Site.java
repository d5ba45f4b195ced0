package org.crema.bench;

import java.util.List;
import java.util.stream.Collectors;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.Limits;
import org.crema.model.arch.ModelGraph;
import org.crema.model.placement.PlacementOptions;
import org.crema.model.placement.Plan;
import org.crema.model.placement.PlanRequest;
import org.crema.model.placement.Planner;
import org.crema.model.placement.Placement;

/**
 * Where a model is to run: on one device, all of it, or on several that share it.
 *
 * @param devices in order of preference; stay open
 * @param options how several share a model
 */
public record Site(List<Device> devices, PlacementOptions options) {
    public Site {
        devices = List.copyOf(devices);
        if (devices.isEmpty()) {
            throw new IllegalArgumentException("a model has to run on some device");
        }
    }

    public static Site of(Device device) {
        return new Site(List.of(device), PlacementOptions.DEFAULT);
    }

    /** Ids of the devices: {@code opencl:0+cpu}. */
    public String id() {
        return devices.stream().map(device -> device.info().id()).collect(Collectors.joining("+"));
    }

    /** A placement, and what it is in words. */
    record Placed(Placement placement, String words) {}

    /**
     * @throws org.crema.kernels.DeviceException if the devices cannot run the model, or have no room for it
     */
    Placed place(ModelGraph graph, CompileOptions compile) {
        if (devices.size() == 1) {
            return new Placed(Placement.single(graph, devices.getFirst()), "all on " + id());
        }
        Limits limits = compile.limits();
        PlanRequest request = new PlanRequest(Math.multiplyExact(limits.pages(), limits.pageRows()), limits.tokens(),
                compile.precision(), compile.cacheType(), bytes -> {});
        Plan plan = new Planner(graph, devices, options, request).plan();
        StringBuilder words = new StringBuilder();
        for (int d = 0; d < plan.usages().size(); d++) {
            words.append(d == 0 ? "" : "; ").append(plan.usages().get(d).device().id()).append(": ").append(plan.contents(d));
        }
        plan.placement().streaming().ifPresent(large -> words.append("; experts streamed from ").append(large.from()));
        return new Placed(plan.placement(), words.toString());
    }
}
