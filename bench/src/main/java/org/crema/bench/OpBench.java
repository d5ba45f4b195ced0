package org.crema.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Precision;
import org.crema.kernels.Rates;
import org.crema.kernels.Step;
import org.crema.kernels.Work;
import org.crema.kernels.conformance.PerfCases;
import org.crema.kernels.conformance.Workload;

/** Times single ops, by type and shape, on every device: the conformance kit's performance mode. */
public final class OpBench {
    private static final int LEAST_SAMPLES = 5;
    private static final int MOST_RUNS = 1000;

    private OpBench() {}

    /**
     * An op on a device.
     *
     * @param name of the case: op, type, shape
     * @param device where
     * @param seconds the median of one run
     * @param work what it has to do at least
     * @param precision with which it was computed
     * @param rates what the device reaches at best
     */
    public record Speed(String name, String device, double seconds, Work work, Precision precision, Rates rates) {
        /** Bytes per second, activations included. */
        public double bytesPerSecond() {
            return work.bytes() / seconds;
        }

        /** Operations per second. */
        public double flopsPerSecond() {
            return work.operations() / seconds;
        }

        /** The share of what the device reaches at best: of bandwidth or of arithmetic, whichever binds. */
        public double share() {
            return work.seconds(rates, precision) / seconds;
        }

        /** Name and value of everything. */
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("op", name);
            fields.put("devices", device);
            fields.put("seconds", seconds);
            fields.put("bytes", work.bytes());
            fields.put("flops", work.operations());
            fields.put("bytes_per_second", bytesPerSecond());
            fields.put("flops_per_second", flopsPerSecond());
            fields.put("limit_bytes_per_second", rates.bytesPerSecond());
            fields.put("limit_flops_per_second", rates.flopsPerSecond());
            fields.put("limit_products_per_second", rates.productsPerSecond());
            fields.put("limit_share", share());
            return fields;
        }
    }

    /**
     * Times all cases whose name contains a regular expression. A case that a device cannot run is left out there.
     *
     * @param seconds to warm up, and again to take samples, for each case and device
     * @param skipped gets what was left out, and why
     */
    public static List<Speed> run(List<Device> devices, String only, Precision precision, double seconds, List<String> skipped,
            Runner.Listener listener) {
        Map<Device, Rates> rates = new LinkedHashMap<>();
        devices.forEach(device -> rates.put(device, device.measure()));
        List<Speed> speeds = new ArrayList<>();
        List<String> names = PerfCases.names(only);
        if (names.isEmpty()) {
            throw new IllegalArgumentException(
                    "no op has a name with \"" + only + "\"; names are like MatMul/Q4_K/10752x2048/b1");
        }
        int done = 0;
        for (String name : names) {
            for (Device device : devices) {
                String id = device.info().id();
                listener.begins(id + " " + name, done++, names.size() * devices.size());
                try (Workload workload = new Workload(device, name, precision)) {
                    speeds.add(new Speed(name, id, median(workload, seconds), work(workload), precision, rates
                            .get(device)));
                } catch (DeviceException e) {
                    skipped.add(id + " " + name + ": " + e.getMessage());
                }
            }
        }
        return speeds;
    }

    /** Runs in groups, so that waiting for a device weighs no more than in a model's step. */
    private static double median(Workload workload, double seconds) {
        double once = time(workload, 1);
        long warm = System.nanoTime();
        while (System.nanoTime() - warm < seconds * 1e9) {
            once = Math.min(once, time(workload, 1));
        }
        int group = (int) Math.clamp(seconds / LEAST_SAMPLES / once, 1, MOST_RUNS);
        List<Double> samples = new ArrayList<>();
        long start = System.nanoTime();
        while (samples.size() < LEAST_SAMPLES && (samples.isEmpty() || System.nanoTime() - start < 2 * seconds * 1e9)) {
            samples.add(time(workload, group));
        }
        return new Samples(samples).median();
    }

    private static double time(Workload workload, int times) {
        long start = System.nanoTime();
        workload.run(times);
        return (System.nanoTime() - start) * 1e-9 / times;
    }

    private static Work work(Workload workload) {
        Step step = workload.step();
        double history = 0;
        for (int s = 0; s < step.sequences(); s++) {
            history += step.length(s);
        }
        double depth = (history - step.tokens()) / step.sequences();
        return Work.of(workload.op(), new Work.Shape(step.tokens(), step.outputs(), step.sequences(), depth, workload.options()
                .cacheType()));
    }

    /** A row for each op and device. */
    public static String table(List<Speed> speeds) {
        Table table = new Table().words("op").words("device").numbers("time").numbers("GB/s").numbers("GFLOP/s")
                .numbers("of limit");
        for (Speed s : speeds) {
            table.row(s.name(), s.device(), String.format(Locale.ROOT, "%.1f µs", s.seconds() * 1e6),
                    String.format(Locale.ROOT, "%.2f", s.bytesPerSecond() / 1e9),
                    String.format(Locale.ROOT, "%.2f", s.flopsPerSecond() / 1e9),
                    String.format(Locale.ROOT, "%.1f %%", 100 * s.share()));
        }
        return table.markdown();
    }
}
