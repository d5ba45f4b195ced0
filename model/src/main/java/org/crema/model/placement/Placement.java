package org.crema.model.placement;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Segment;
import org.crema.kernels.Slot;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;

/**
 * Which device runs which op of a model.
 *
 * @param graph the model
 * @param devices the devices, in the order of their numbers here
 * @param segments the program, cut where the device changes
 * @param streaming what changes for large steps
 */
public record Placement(ModelGraph graph, List<Device> devices, List<Segment> segments, Optional<Streaming> streaming) {
    /**
     * Steps of many tokens read most experts anyway. Then it is quicker to bring those of main memory to the accelerator that has the
     * rest of the layer than to compute them with the host.
     *
     * @param from tokens of a step from which on this is done
     * @param segments the same runs of ops as of the placement, the streamed ones on accelerators
     */
    public record Streaming(int from, List<Segment> segments) {
        public Streaming {
            if (from < 1) {
                throw new IllegalArgumentException("streaming from steps of " + from + " tokens; at least 1");
            }
            segments = List.copyOf(segments);
        }
    }

    /**
     * A run of ops as a device has compiled it.
     *
     * @param device which
     * @param number in {@link #programsOf}
     * @param copies what has to be copied to the device before
     * @param outputs what is read from it afterwards
     */
    public record Part(int device, int number, List<Slot> copies, List<Slot> outputs) {}

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
        return new Placement(graph, List.copyOf(devices), Segment.cut(ordered, deviceOf::get), Optional.empty());
    }

    /**
     * With experts of the host streamed in steps of so many tokens and more: those whose sum another device uses, to that device.
     * The same placement if there are none.
     */
    public Placement streamed(int host, int from) {
        int[] place = segments.stream().mapToInt(Segment::device).toArray();
        IdentityHashMap<Op, ModelGraph.Tag> tags = tags();
        boolean any = false;
        for (int i = 0; i < place.length; i++) {
            Segment segment = segments.get(i);
            if (place[i] == host && segment.program().ops().stream().allMatch(op -> tags.get(op).role() == Role.EXPERTS)) {
                Optional<Segment> reader = segments.stream().filter(other -> other.device() != host
                        && !Collections.disjoint(other.copies(), segment.program().outputs())).findFirst();
                place[i] = reader.map(Segment::device).orElse(host);
                any |= reader.isPresent();
            }
        }
        return any
                ? new Placement(graph, devices, segments,
                        Optional.of(new Streaming(from, Segment.moved(ordered(), segments, place))))
                : this;
    }

    /** The program in the order of the segments. */
    private Program ordered() {
        Program program = graph.program();
        return new Program(program.name(), program.inputs(),
                segments.stream().flatMap(segment -> segment.program().ops().stream())
                        .toList(),
                program.outputs());
    }

    /** Tensors that are streamed. */
    public Set<Weight> streamedWeights() {
        Set<Weight> weights = new LinkedHashSet<>();
        streaming.ifPresent(large -> {
            for (int i = 0; i < segments.size(); i++) {
                if (large.segments.get(i).device() != segments.get(i).device()) {
                    weights.addAll(segments.get(i).program().tensors());
                }
            }
        });
        return weights;
    }

    /** What each device compiles, in the order in which it runs: its segments, and what is streamed to it. */
    public List<Program> programsOf(int device) {
        List<Program> programs = new ArrayList<>();
        for (int i = 0; i < segments.size(); i++) {
            Segment usual = segments.get(i);
            Segment large = streaming.isPresent() ? streaming.get().segments.get(i) : usual;
            if (usual.device() == device || large.device() == device) {
                programs.add(usual.device() == large.device()
                        ? both(usual.program(), large.program())
                        : large.device() == device
                                ? large.program()
                                : usual.program());
            }
        }
        return programs;
    }

    /** One program for either way to run the others: whatever may be read from outside is an output. */
    private static Program both(Program a, Program b) {
        Set<Slot> outputs = new LinkedHashSet<>(a.outputs());
        outputs.addAll(b.outputs());
        return new Program(a.name(), a.inputs(), a.ops(), List.copyOf(outputs));
    }

    /**
     * The parts to run in a step, in order, by their numbers in {@link #programsOf}.
     *
     * @param large whether in one from {@link Streaming#from} tokens on
     */
    public List<Part> parts(boolean large) {
        int[] compiled = new int[devices.size()];
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < segments.size(); i++) {
            Segment usual = segments.get(i);
            Segment other = streaming.isPresent() ? streaming.get().segments.get(i) : usual;
            Segment runs = large ? other : usual;
            parts.add(new Part(runs.device(), compiled[runs.device()], runs.copies(), runs.program().outputs()));
            compiled[usual.device()]++;
            if (other.device() != usual.device()) {
                compiled[other.device()]++;
            }
        }
        return parts;
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
        for (int d = 0; d < devices.size(); d++) {
            Device device = devices.get(d);
            for (Program program : programsOf(d)) {
                for (Op op : program.ops()) {
                    Support support = device.supports(op, options);
                    if (!support.ok()) {
                        problems.add(device.info().id() + " cannot run " + op.name() + (op.tensors().isEmpty()
                                ? ""
                                : " of " + op.tensors().get(0)) + ": " + support.reason());
                    }
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
            footprints.add(devices.get(d).footprint(programsOf(d), options));
        }
        return Collections.unmodifiableList(footprints);
    }
}
