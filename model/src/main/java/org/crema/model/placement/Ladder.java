package org.crema.model.placement;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Op;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;

/**
 * The ways to place a model, fastest first; each takes less of the accelerators than the one before.
 *
 * <p>All layers go to accelerators if they fit. Else the routed experts of the first layers go to the host, one layer after the other:
 * they are most of a mixture's bytes, and of those only a few are read for a token, so nothing else costs as little time per byte.
 * Then whole layers follow, their caches with them, and at last the head. The embedding is always on the host: it is a table
 * of which a token reads one row.
 */
final class Ladder {
    private final ModelGraph graph;
    private final List<Device> devices;
    private final PlacementOptions options;
    private final int host;
    private final List<Integer> accelerators = new ArrayList<>();
    private final List<Rung> rungs;

    /**
     * @throws DeviceException if the options ask for what the devices do not have
     */
    Ladder(ModelGraph graph, List<Device> devices, PlacementOptions options) {
        this.graph = graph;
        this.devices = devices;
        this.options = options;
        this.host = host(devices);
        for (int d = 0; d < devices.size(); d++) {
            if (d != host) {
                accelerators.add(d);
            }
        }
        if (!options.split().isEmpty() && options.split().size() != accelerators.size()) {
            throw new IllegalArgumentException("a split into " + options.split() + " needs as many accelerators, not "
                    + accelerators.size() + " (" + ids() + ")");
        }
        if (options.requireGpu() && accelerators.stream().noneMatch(d -> info(d).kind() != DeviceInfo.Kind.HOST)) {
            throw new DeviceException("no GPU among the devices (" + ids() + "), but one is required; crema doctor says why");
        }
        this.rungs = rungs();
    }

    /** The device that takes what accelerators do not; -1 if there is none. */
    private static int host(List<Device> devices) {
        int host = -1;
        for (int d = 0; d < devices.size(); d++) {
            DeviceInfo info = devices.get(d).info();
            if (info.backend().equals("cpu")) {
                return d;
            }
            host = info.kind() == DeviceInfo.Kind.HOST ? d : host;
        }
        return host;
    }

    private DeviceInfo info(int device) {
        return devices.get(device).info();
    }

    private List<String> ids() {
        return devices.stream().map(device -> device.info().id()).toList();
    }

    int host() {
        return host;
    }

    List<Rung> all() {
        return rungs;
    }

    private List<Rung> rungs() {
        int layers = graph.layers();
        Rung none = new Rung(layers, layers + 1, layers);
        if (accelerators.isEmpty()) {
            return List.of(none);
        }
        if (host < 0) {
            return List.of(new Rung(0, 0, layers));
        }
        boolean fixed = options.layers().isPresent();
        int hostLayers = !fixed
                ? 0
                : options.layers().getAsInt() == 0 ? layers + 1 : layers - Math.min(layers, options.layers().getAsInt());
        // Who says how many layers go to accelerators means their experts, too.
        int hostExperts = Math.min(layers, options.hostExperts().orElse(0));
        List<Rung> found = new ArrayList<>();
        found.add(new Rung(hostExperts, hostLayers, layers));
        if (fixed || options.requireGpu()) {
            return found;
        }
        if (options.hostExperts().isEmpty()) {
            for (int layer : expertLayers()) {
                hostExperts = layer + 1;
                found.add(new Rung(hostExperts, 0, layers));
            }
        }
        for (int n = 1; n <= layers; n++) {
            found.add(new Rung(hostExperts, n, layers));
        }
        found.add(none);
        return found;
    }

    private SortedSet<Integer> expertLayers() {
        SortedSet<Integer> found = new TreeSet<>();
        graph.tags().stream().filter(tag -> tag.role() == Role.EXPERTS).forEach(tag -> found.add(tag.layer()));
        return found;
    }

    /**
     * The device of each op.
     *
     * @param room bytes that each device has for this model, to share layers out by
     * @param moved gets a line for each unit that was moved because its device refuses it
     * @throws DeviceException if a device refuses an op and that may not be moved
     */
    int[] place(Rung rung, CompileOptions compile, long[] room, List<String> moved) {
        List<Op> ops = graph.program().ops();
        int[] place = new int[ops.size()];
        int[] ofLayer = shareOut(rung, compile, room);
        for (int i = 0; i < place.length; i++) {
            place[i] = byRung(rung, graph.tags().get(i), ofLayer);
        }
        pin(place);
        if (options.moveRefused() && host >= 0) {
            moveRefused(place, compile, moved);
        }
        return place;
    }

    private int byRung(Rung rung, ModelGraph.Tag tag, int[] ofLayer) {
        boolean onHost = switch (tag.role()) {
            case EMBEDDING -> true;
            case HEAD -> rung.allHost();
            case EXPERTS -> tag.layer() < Math.max(rung.hostExperts(), rung.hostLayers());
            case ATTENTION, FEED_FORWARD -> tag.layer() < rung.hostLayers();
        };
        if (onHost && host >= 0) {
            return host;
        }
        return ofLayer[Math.max(0, tag.layer())];
    }

    /** An accelerator for each layer, and for the head behind them: neighbours together, so that there are few cuts. */
    private int[] shareOut(Rung rung, CompileOptions compile, long[] room) {
        int[] ofLayer = new int[graph.layers() + 1];
        if (accelerators.isEmpty()) {
            return ofLayer;
        }
        double[] cost = new double[ofLayer.length];
        List<Op> ops = graph.program().ops();
        for (int i = 0; i < ops.size(); i++) {
            ModelGraph.Tag tag = graph.tags().get(i);
            boolean stays = tag.role() == Role.EXPERTS ? tag.layer() >= rung.hostExperts() : tag.role() != Role.EMBEDDING;
            if (stays && tag.layer() >= rung.hostLayers()) {
                cost[tag.layer()] += ops.get(i).tensors().stream().mapToLong(Weight::bytes).sum();
                cost[tag.layer()] += cacheBytes(ops.get(i), compile);
            }
        }
        double all = 0;
        for (double c : cost) {
            all += c;
        }
        double[] share = shares(room);
        double before = 0;
        for (int layer = 0; layer < cost.length; layer++) {
            double middle = all == 0 ? 0 : (before + cost[layer] / 2) / all;
            int a = 0;
            for (double end = share[0]; a < share.length - 1 && middle >= end; end += share[a]) {
                a++;
            }
            ofLayer[layer] = accelerators.get(a);
            before += cost[layer];
        }
        return ofLayer;
    }

    private static long cacheBytes(Op op, CompileOptions compile) {
        return op instanceof Op.CacheWrite write ? write.target().bytes(compile.cacheType(), compile.limits()) : 0;
    }

    /** Of all accelerators together 1. */
    private double[] shares(long[] room) {
        double[] shares = new double[accelerators.size()];
        double sum = 0;
        for (int a = 0; a < shares.length; a++) {
            shares[a] = options.split().isEmpty() ? Math.max(1, room[accelerators.get(a)]) : options.split().get(a);
            sum += shares[a];
        }
        for (int a = 0; a < shares.length; a++) {
            shares[a] /= sum;
        }
        return shares;
    }

    /** Ops with a tensor that matches; those between them that have none (SwiGlu, the sum of experts) go where their input is made. */
    private void pin(int[] place) {
        if (options.pins().isEmpty()) {
            return;
        }
        List<Op> ops = graph.program().ops();
        Map<Object, Integer> writers = new HashMap<>();
        for (int i = 0; i < place.length; i++) {
            Op op = ops.get(i);
            if (op instanceof Op.SwiGlu || op instanceof Op.ExpertSum) {
                place[i] = writers.get(op.reads().getFirst().slot());
            }
            for (PlacementOptions.Pin pin : options.pins()) {
                if (op.tensors().stream().anyMatch(weight -> pin.pattern().matcher(weight.name()).find())) {
                    place[i] = device(pin.device());
                }
            }
            int chosen = place[i];
            op.writes().forEach(view -> writers.put(view.slot(), chosen));
        }
    }

    private int device(String id) {
        int index = ids().indexOf(id);
        if (index < 0) {
            throw new DeviceException("tensors are to go to " + id + ", which is not one of the devices in use: " + ids()
                    + "; add it to --device");
        }
        return index;
    }

    /** Moves the ops of a layer and role together, so that their results stay on one device. */
    private void moveRefused(int[] place, CompileOptions compile, List<String> moved) {
        List<Op> ops = graph.program().ops();
        Set<ModelGraph.Tag> done = new HashSet<>();
        for (int i = 0; i < place.length; i++) {
            ModelGraph.Tag tag = graph.tags().get(i);
            if (place[i] == host || done.contains(tag)) {
                continue;
            }
            Device device = devices.get(place[i]);
            Support support = device.supports(ops.get(i), compile);
            if (!support.ok()) {
                done.add(tag);
                moved.add(device.info().id() + " cannot run " + ops.get(i).name() + ops.get(i).tensors() + ": " + support.reason()
                        + "; layer " + tag.layer() + "'s " + tag.role() + " goes to " + info(host).id());
                for (int j = 0; j < place.length; j++) {
                    if (graph.tags().get(j).equals(tag)) {
                        place[j] = host;
                    }
                }
            }
        }
    }
}
