package org.crema.kernels.conformance;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rotation.Pairing;
import org.crema.kernels.Routing;
import org.crema.kernels.Routing.Scoring;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Support;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/**
 * What devices say that they can run, as Markdown: quant types × devices for the ops that multiply with large tensors, then the
 * other ops × devices. The conformance kit holds each device to what it says here.
 */
public final class ConformanceReport {
    private static final int WIDTH = 256;

    private ConformanceReport() {}

    /** Prints the report on all backends of the class path. */
    public static void main(String[] arguments) {
        System.out.println(markdown());
    }

    /**
     * The report on all backends of the class path, each by its first device.
     *
     * @throws DeviceException if a backend has no device on this machine; the message says why
     */
    public static String markdown() {
        List<Backend> backends = new ArrayList<>();
        ServiceLoader.load(Backend.class).forEach(backends::add);
        // The one that defines what is right comes first.
        backends.sort(
                Comparator.comparing((Backend backend) -> !backend.name().equals("reference")).thenComparing(Backend::name));
        List<Device> devices = new ArrayList<>();
        try {
            for (Backend backend : backends) {
                Backend.Discovery discovery = backend.discover();
                if (discovery.devices().isEmpty()) {
                    throw new DeviceException("the backend " + backend.name() + " has no device here: " + discovery.rejections());
                }
                devices.add(backend.open(discovery.devices().getFirst().index(), DeviceOptions.DEFAULT));
            }
            return markdown(devices);
        } finally {
            devices.forEach(Device::close);
        }
    }

    /** Both tables, and the reasons against what is not supported. */
    public static String markdown(List<Device> devices) {
        StringBuilder text = new StringBuilder();
        Set<String> reasons = new LinkedHashSet<>();
        heading(text, "Tensor type", devices);
        for (QuantType type : QuantType.values()) {
            row(text, type.name(), devices, products(type), Cache.Type.F16, reasons);
        }
        text.append('\n');
        heading(text, "Op", devices);
        others().forEach((name, op) -> row(text, name, devices, List.of(op), Cache.Type.F16, reasons));
        for (Cache.Type type : Cache.Type.values()) {
            row(text, "cache " + type, devices, attentions(), type, reasons);
        }
        if (!reasons.isEmpty()) {
            text.append('\n');
            reasons.forEach(reason -> text.append("- ").append(reason).append('\n'));
        }
        return text.toString();
    }

    private static void heading(StringBuilder text, String what, List<Device> devices) {
        text.append("| ").append(what).append(" |");
        devices.forEach(device -> text.append(' ').append(device.info().backend()).append(" |"));
        text.append("\n|---|").append("---|".repeat(devices.size())).append('\n');
    }

    /** yes, no, or the ops that are missing; reasons are collected. */
    private static void row(StringBuilder text, String name, List<Device> devices, List<Op> ops, Cache.Type cache,
            Set<String> reasons) {
        text.append("| ").append(name).append(" |");
        for (Device device : devices) {
            Set<String> missing = new LinkedHashSet<>();
            int refused = 0;
            for (Op op : ops) {
                Support support = support(device, op, cache);
                if (!support.ok()) {
                    refused++;
                    missing.add(op.name());
                    reasons.add(device.info().backend() + ", " + name + ": " + support.reason());
                }
            }
            text.append(' ').append(refused == 0 ? "yes" : refused == ops.size() ? "no" : "not " + String.join(", ", missing))
                    .append(" |");
        }
        text.append('\n');
    }

    /** Of both precisions, the first that is refused. */
    private static Support support(Device device, Op op, Cache.Type cache) {
        for (Precision precision : Precision.values()) {
            Support support = device.supports(op, new CompileOptions(precision, cache, Limits.single(256, 32, 1)));
            if (!support.ok()) {
                return support;
            }
        }
        return Support.yes();
    }

    /** The ops whose tensors are large enough to be quantised. */
    static List<Op> products(QuantType type) {
        Program.Builder slots = new Program.Builder("products");
        View in = view(slots, Rows.TOKENS);
        View out = view(slots, Rows.TOKENS);
        View ids = slots.slot("ids", Rows.TOKENS, 2, Element.I32).all();
        Weight heads = new Weight("heads", type, 1, WIDTH, WIDTH, MemorySegment.NULL);
        return List.of(new Op.Embed(out, heads), new Op.MatMul(out, in, heads), new Op.HeadMatMul(out, in, heads, false),
                new Op.HeadMatMul(out, in, heads, true), new Op.ExpertMatMul(view(slots, Rows.pairs(2)), in, ids,
                        new Weight("experts", type, 8, WIDTH, WIDTH, MemorySegment.NULL)));
    }

    private static List<Op> attentions() {
        Map<String, Op> all = others();
        return List.of(all.get("CacheWrite"), all.get("Attention"), all.get("LatentAttention"));
    }

    /** One op of each other kind, by name. */
    static Map<String, Op> others() {
        Program.Builder slots = new Program.Builder("others");
        View in = view(slots, Rows.TOKENS);
        View out = view(slots, Rows.TOKENS);
        View ids = slots.slot("ids", Rows.TOKENS, 2, Element.I32).all();
        View weights = slots.slot("weights", Rows.TOKENS, 2).all();
        Weight vector = new Weight("norm", QuantType.F32, 1, 1, WIDTH, MemorySegment.NULL);
        Weight router = new Weight("router", QuantType.F32, 1, 8, WIDTH, MemorySegment.NULL);
        Cache latent = new Cache(0, WIDTH + 64);
        View turned = slots.slot("rope", Rows.TOKENS, 64).all();
        List<Op> ops = List.of(new Op.RmsNorm(out, in, vector, 1e-6f), new Op.Rope(turned, turned, new Rotation(Pairing.ADJACENT,
                Collections.nCopies(32, 1.0), 1)), new Op.CacheWrite(latent, List.of(in, turned)),
                new Op.Attention(out.slot().groups(4), in.slot().groups(4), new Cache(1, 2 * WIDTH / 2), 2, 1, 0, 0),
                new Op.LatentAttention(out, in, turned, latent, 1),
                new Op.GateExperts(ids, weights, in, router, Optional.empty(), Routing.plain(Scoring.SOFTMAX, 8, 2, false, 1)),
                new Op.SwiGlu(out, in, in), new Op.ExpertSum(out, view(slots, Rows.pairs(2)), weights), new Op.Add(out, in, in),
                new Op.SelectRows(view(slots, Rows.OUTPUTS), in));
        Map<String, Op> byName = new LinkedHashMap<>();
        ops.forEach(op -> byName.put(op.name(), op));
        return byName;
    }

    private static View view(Program.Builder slots, Rows rows) {
        Slot slot = slots.slot("x", rows, WIDTH);
        return slot.all();
    }
}
