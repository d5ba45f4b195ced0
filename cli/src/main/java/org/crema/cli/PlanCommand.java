package org.crema.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.crema.Crema;
import org.crema.ModelOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Rates;
import org.crema.kernels.Weight;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.placement.AssumedDevice;
import org.crema.model.placement.Forecast;
import org.crema.model.placement.Plan;
import org.crema.model.placement.Planner;
import org.crema.model.placement.Usage;
import org.crema.model.runtime.Devices;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says where a model would go and how fast it could be, from the file's header alone. */
@Command(name = "plan", description = "Shows where a model would go, what it would take of each device, and how fast it could be at most. Reads no tensor data: the header of a file is enough.")
final class PlanCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "FILE", description = "GGUF file, or its header. Default: the embedded model.")
    private Path path;

    @Option(names = "--assume", paramLabel = "DEVICES", description = "Plan for devices that are not here: NAME:SIZE@GB/s, as in gpu:24G@1000,cpu:136G@80.")
    private String assumed;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ModelMixin model;

    @Override
    public Integer call() throws IOException {
        Path file = path == null ? model.file() : path;
        if (file == null) {
            return Crema.withTinyCoderFile(this::show);
        }
        try (GgufFile gguf = GgufFile.openHeader(file)) {
            return show(gguf);
        }
    }

    private int show(GgufFile file) {
        ModelOptions options = model.options();
        ModelGraph graph = Architecture.of(file, new ArchitectureOptions(options.groupedRouting()));
        List<Device> devices = assumed == null
                ? Devices.search(options.device()).open(new DeviceOptions(options.threads(), options.memoryLimit()))
                : AssumedDevice.of(assumed);
        try {
            Planner planner = new Planner(graph, devices, options.placement(), options.request());
            Plan plan = planner.plan();
            List<Rates> rates = plan.placement().devices().stream().map(planner::rates).toList();
            Forecast empty = Forecast.of(plan, 0, rates);
            Forecast full = Forecast.of(plan, plan.context(), rates);
            if (json) {
                Console.out().println(Report.json(fields(file, plan, empty, full)));
            } else {
                print(file, plan, empty, full);
            }
            return 0;
        } finally {
            devices.forEach(Device::close);
        }
    }

    private static long tensorBytes(ModelGraph graph) {
        return graph.program().tensors().stream().mapToLong(Weight::bytes).sum();
    }

    private static Map<String, Object> fields(GgufFile file, Plan plan, Forecast empty, Forecast full) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("file", file.name());
        report.put("tensor_bytes", tensorBytes(plan.placement().graph()));
        report.put("layers", plan.placement().graph().layers());
        report.put("context", plan.context());
        report.put("batch", plan.compile().limits().tokens());
        report.put("cache_type", plan.compile().cacheType().toString().toLowerCase(Locale.ROOT));
        List<Map<String, Object>> devices = new ArrayList<>();
        for (int d = 0; d < plan.usages().size(); d++) {
            Usage usage = plan.usages().get(d);
            Forecast.Load load = empty.loads().get(d);
            Map<String, Object> device = new LinkedHashMap<>();
            device.put("id", usage.device().id());
            device.put("name", usage.device().name());
            device.put("runs", plan.contents(d));
            device.put("weights", usage.footprint().weights());
            device.put("mapped", usage.mapped());
            device.put("caches", usage.footprint().caches());
            device.put("scratch", usage.footprint().scratch());
            device.put("staging", usage.footprint().staging());
            device.put("need", usage.need());
            device.put("free", usage.free());
            device.put("margin", usage.margin());
            device.put("bytes_per_token", load.bytes());
            device.put("bytes_per_token_full_cache", full.loads().get(d).bytes());
            device.put("bytes_per_second", load.rates().bytesPerSecond());
            devices.add(device);
        }
        report.put("devices", devices);
        report.put("copies_per_token", empty.copies());
        report.put("tokens_per_second_at_most", empty.tokensPerSecond());
        report.put("tokens_per_second_at_most_full_cache", full.tokensPerSecond());
        report.put("reasons", plan.reasons());
        return report;
    }

    private static void print(GgufFile file, Plan plan, Forecast empty, Forecast full) {
        var out = Console.out();
        ModelGraph graph = plan.placement().graph();
        out.printf(Locale.ROOT, "%s: %d layers, %s of tensors; context %d, batch %d, cache %s%n%n", file.name(), graph.layers(),
                Report.bytes(tensorBytes(graph)), plan.context(), plan.compile().limits().tokens(),
                plan.compile().cacheType().toString().toLowerCase(Locale.ROOT));
        String row = "%-10s %11s %11s %11s %11s %11s %11s %11s %13s %8s%n";
        out.printf(row, "device", "weights", "mapped", "cache", "scratch", "other", "need", "free", "read a token", "GB/s");
        long weights = 0;
        long mapped = 0;
        long caches = 0;
        long scratch = 0;
        long staging = 0;
        long read = 0;
        for (int d = 0; d < plan.usages().size(); d++) {
            Usage usage = plan.usages().get(d);
            Device.Footprint f = usage.footprint();
            Forecast.Load load = empty.loads().get(d);
            out.printf(row, usage.device().id(), Report.bytes(f.weights()), Report.bytes(usage.mapped()),
                    Report.bytes(f.caches()),
                    Report.bytes(f.scratch()), Report.bytes(f.staging()), Report.bytes(usage.need()), Report.bytes(usage.free()),
                    Report.bytes(load.bytes()), "%.1f".formatted(load.rates().bytesPerSecond() / 1e9));
            weights += f.weights();
            mapped += usage.mapped();
            caches += f.caches();
            scratch += f.scratch();
            staging += f.staging();
            read += load.bytes();
        }
        out.printf(row, "all", Report.bytes(weights), Report.bytes(mapped), Report.bytes(caches), Report.bytes(scratch),
                Report.bytes(staging), Report.bytes(weights + mapped + caches + scratch + staging), "", Report.bytes(read), "");
        out.println();
        for (int d = 0; d < plan.usages().size(); d++) {
            out.printf("%-10s %s%n", plan.usages().get(d).device().id(), plan.contents(d));
        }
        plan.reasons().forEach(reason -> out.printf("%-10s %s%n", "why", reason));
        out.printf(Locale.ROOT,
                "%n%.1f tokens/s at most with an empty cache, %.1f with %d tokens in it; %d copies between devices a token%n",
                empty.tokensPerSecond(), full.tokensPerSecond(), full.depth(), empty.copies());
    }
}
