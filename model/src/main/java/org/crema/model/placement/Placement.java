package org.crema.model.placement;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Segment;
import org.crema.kernels.Support;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;

/**
 * Which device runs which op of a model.
 *
 * @param graph the model
 * @param devices the devices, in the order of their numbers here
 * @param segments the program, cut where the device changes
 */
public record Placement(ModelGraph graph, List<Device> devices, List<Segment> segments) {
    /**
     * Places every op by its layer and role.
     *
     * @param place number of the device for a tag
     */
    public static Placement of(ModelGraph graph, List<Device> devices, ToIntFunction<ModelGraph.Tag> place) {
        return of(graph, devices, graph.tags().stream().mapToInt(place).toArray());
    }

    /**
     * Places every op by itself. Ops on which no other op of their run depends may run later than in the program, see
     * {@link Schedule}.
     *
     * @param place number of the device for each op of the program
     */
    public static Placement of(ModelGraph graph, List<Device> devices, int[] place) {
        IdentityHashMap<Op, Integer> deviceOf = new IdentityHashMap<>();
        Program program = graph.program();
        for (int i = 0; i < place.length; i++) {
            deviceOf.put(program.ops().get(i), place[i]);
        }
        Program ordered = new Program(program.name(), program.inputs(), Schedule.order(program.ops(), deviceOf::get),
                program.outputs());
        return new Placement(graph, List.copyOf(devices), Segment.cut(ordered, deviceOf::get));
    }

    /** Everything on one device. */
    public static Placement single(ModelGraph graph, Device device) {
        return of(graph, List.of(device), tag -> 0);
    }

    /** The segments of one device, in the order in which they run. */
    public List<Segment> segmentsOf(int device) {
        return segments.stream().filter(segment -> segment.device() == device).toList();
    }

    /** Layer and role of each op, by the op's identity. */
    IdentityHashMap<Op, ModelGraph.Tag> tags() {
        IdentityHashMap<Op, ModelGraph.Tag> tags = new IdentityHashMap<>();
        for (int i = 0; i < graph.tags().size(); i++) {
            tags.put(graph.program().ops().get(i), graph.tags().get(i));
        }
        return tags;
    }

    /** Layers that have routed experts. */
    Set<Integer> layersWithExperts() {
        return graph.tags().stream().filter(tag -> tag.role() == Role.EXPERTS).map(ModelGraph.Tag::layer)
                .collect(Collectors.toSet());
    }

    /**
     * Checks that every device can run what was placed on it.
     *
     * @throws DeviceException naming the ops that a device cannot run, and why
     */
    public void check(CompileOptions options) {
        List<String> problems = new ArrayList<>();
        for (Segment segment : segments) {
            Device device = devices.get(segment.device());
            for (Op op : segment.program().ops()) {
                Support support = device.supports(op, options);
                if (!support.ok()) {
                    problems.add(device.info().id() + " cannot run " + op.name() + (op.tensors().isEmpty()
                            ? ""
                            : " of " + op.tensors().get(0)) + ": " + support.reason());
                }
            }
        }
        if (!problems.isEmpty()) {
            throw new DeviceException(problems.get(0) + (problems.size() > 1 ? " (and " + (problems.size() - 1) + " more)" : ""));
        }
    }

    /** Bytes that each device will take, in the order of the devices. */
    public List<Device.Footprint> footprints(CompileOptions options) {
        List<Device.Footprint> footprints = new ArrayList<>();
        for (int d = 0; d < devices.size(); d++) {
            footprints.add(devices.get(d).footprint(segmentsOf(d).stream().map(Segment::program).toList(), options));
        }
        return Collections.unmodifiableList(footprints);
    }
}
