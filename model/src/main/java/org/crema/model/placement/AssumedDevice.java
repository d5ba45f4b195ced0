package org.crema.model.placement;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.LinkedHashSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Executable;
import org.crema.kernels.Layout;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;

/**
 * A device that is not here, to plan for: it has a size and a bandwidth, runs every op in the plans, and none in earnest.
 *
 * <p>Tensors are counted at the size that they have in the file, scratch as {@link Layout} lays it out; a real backend adds what its
 * kernels need besides, some MiB for most models.
 */
public final class AssumedDevice implements Device {
    /** Name, size, and after @ the gigabytes per second that it reads. */
    private static final Pattern FORM = Pattern.compile("([a-z][a-z0-9]*):(\\d+(?:\\.\\d+)?)([mg])(?:@(\\d+(?:\\.\\d+)?))?");
    private static final int ALIGNMENT = 256;
    /** Gigabytes per second, of DDR5 in two channels and of a card of the middle class. */
    private static final double MAIN_MEMORY = 60;
    private static final double CARD = 500;
    /** Operations per second in F32, of eight cores and of a card of the middle class. */
    private static final double HOST_FLOPS = 5e11;
    private static final double CARD_FLOPS = 2e13;
    /** Bytes per second that a card takes from main memory: PCIe 4 with 16 lanes, less what is lost. */
    private static final double UPLOAD = 2e10;

    private final DeviceInfo info;
    private final Rates rates;

    private AssumedDevice(DeviceInfo info, Rates rates) {
        this.info = info;
        this.rates = rates;
    }

    /**
     * Devices as in {@code gpu:24G@1000,cpu:136G@80}: name, memory in GiB or MiB, and the gigabytes (10^9) per second that it reads,
     * 60 for the CPU and 500 for others if not given. {@code cpu} is the host, whatever else is called is a card with memory of its own.
     *
     * @throws IllegalArgumentException if the text is not of this form
     */
    public static List<Device> of(String text) {
        List<Device> devices = new ArrayList<>();
        Map<String, Integer> count = new HashMap<>();
        for (String each : text.toLowerCase(Locale.ROOT).split(",", -1)) {
            Matcher m = FORM.matcher(each.strip());
            if (!m.matches()) {
                throw new IllegalArgumentException(
                        "\"" + each + "\" is not of the form NAME:SIZE@GBPS, as in gpu:24G@1000 or cpu:64G");
            }
            boolean host = m.group(1).equals("cpu");
            int index = count.merge(m.group(1), 1, Integer::sum) - 1;
            if (host && index > 0) {
                throw new IllegalArgumentException("\"" + text + "\" has two CPUs; one is the host");
            }
            long bytes = (long) (Double.parseDouble(m.group(2)) * (1L << (m.group(3).equals("g") ? 30 : 20)));
            double bandwidth = m.group(4) == null ? host ? MAIN_MEMORY : CARD : Double.parseDouble(m.group(4));
            devices.add(new AssumedDevice(new DeviceInfo(m.group(1), index, "assumed", host
                    ? DeviceInfo.Kind.HOST
                    : DeviceInfo.Kind.DISCRETE, bytes, bytes, Map.of()),
                    new Rates(bandwidth * 1e9, host ? HOST_FLOPS : CARD_FLOPS)));
        }
        return devices;
    }

    @Override
    public DeviceInfo info() {
        return info;
    }

    @Override
    public Support supports(Op op, CompileOptions options) {
        return Support.yes();
    }

    @Override
    public Footprint footprint(List<Program> parts, CompileOptions options) {
        Set<Weight> weights = new LinkedHashSet<>();
        Set<Cache> caches = new LinkedHashSet<>();
        long exchange = 0;
        for (Program part : parts) {
            weights.addAll(part.tensors());
            caches.addAll(part.caches());
            for (Slot slot : part.outputs()) {
                exchange = Math.max(exchange, slot.bytes(slot.rows().most(options.limits())));
            }
        }
        boolean copied = info.kind() != DeviceInfo.Kind.HOST;
        long copies = copied
                ? weights.stream().filter(weight -> !options.streamed().contains(weight)).mapToLong(AssumedDevice::aligned).sum()
                : 0;
        long cached = caches.stream().mapToLong(cache -> cache.bytes(options.cacheType(), options.limits())).sum();
        long scratch = new Layout(parts, options.limits(), ALIGNMENT, options.guardBytes()).bytes();
        return new Footprint(copies, cached, scratch, 4 * Step.size(options.limits()) + exchange + (copied
                ? streamed(parts, options)
                : 0));
    }

    /** Streamed tensors of all parts share memory. */
    private static long streamed(List<Program> parts, CompileOptions options) {
        return parts.stream().mapToLong(part -> part.tensors().stream().filter(options.streamed()::contains).mapToLong(
                AssumedDevice::aligned).sum()).max().orElse(0);
    }

    private static long aligned(Weight weight) {
        return Math.ceilDiv(weight.bytes(), ALIGNMENT) * ALIGNMENT;
    }

    @Override
    public Executable compile(List<Program> parts, CompileOptions options) {
        throw new DeviceException(info.id() + " is only assumed: it can be planned with, not run on");
    }

    /** The bandwidth that was assumed, and the arithmetic of a usual device of its kind. */
    @Override
    public Rates measure() {
        return rates;
    }

    @Override
    public double measureUpload() {
        return info.kind() == DeviceInfo.Kind.HOST ? Double.POSITIVE_INFINITY : UPLOAD;
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
