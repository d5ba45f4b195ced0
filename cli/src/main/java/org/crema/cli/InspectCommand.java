package org.crema.cli;

import java.io.IOException;
import java.lang.reflect.Array;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.crema.Crema;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Support;
import org.crema.kernels.quant.QuantType;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufTensor;
import org.crema.model.runtime.Devices;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what a file holds. */
@Command(name = "inspect", description = "Shows metadata, tensors, types and sizes of a file, and which devices can run it.")
final class InspectCommand implements Callable<Integer> {
    private static final int SHOWN_ITEMS = 6;
    private static final int SHOWN_TEXT = 100;

    @Parameters(arity = "0..1", paramLabel = "FILE", description = "GGUF file. Default: the embedded model.")
    private Path file;

    @Option(names = {"-m", "--model"}, paramLabel = "FILE", description = "The same, as an option.")
    private Path option;

    @Option(names = "--tensors", description = "List every tensor.")
    private boolean tensors;

    @Option(names = "--program", description = "List the ops that the model is run as.")
    private boolean program;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Path path = file == null ? option : file;
        if (path == null) {
            return Crema.withTinyCoderFile(this::show);
        }
        try (GgufFile gguf = GgufFile.open(path)) {
            return show(gguf);
        }
    }

    private int show(GgufFile gguf) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("file", gguf.name());
        report.put("files", gguf.files());
        report.put("bytes", gguf.bytes());
        report.put("gguf_version", gguf.version());
        long parameters = gguf.tensors().stream().mapToLong(GgufTensor::elements).sum();
        long data = gguf.tensors().stream().mapToLong(GgufTensor::bytes).sum();
        report.put("tensors", gguf.tensors().size());
        report.put("parameters", parameters);
        report.put("tensor_bytes", data);
        report.put("bits_per_weight", parameters == 0 ? 0.0 : 8.0 * data / parameters);
        report.put("types", types(gguf));
        report.put("metadata", metadata(gguf));
        if (tensors) {
            report.put("tensor_list", gguf.tensors().stream().map(InspectCommand::tensor).toList());
        }
        if (gguf.tensors().isEmpty()) {
            report.put("devices", Map.of());
        } else {
            ModelGraph graph = Architecture.of(gguf, ArchitectureOptions.DEFAULT);
            report.put("cache_bytes_per_token_f16",
                    graph.program().caches().stream().mapToLong(cache -> Cache.Type.F16.rowBytes(cache
                            .columns())).sum());
            report.put("devices", devices(graph));
            if (program) {
                report.put("program", graph.program().listing().lines().toList());
            }
        }
        if (json) {
            Console.out().println(Report.json(report));
        } else {
            print(report, parameters, data);
        }
        return 0;
    }

    private static Map<QuantType, Map<String, Object>> types(GgufFile gguf) {
        Map<QuantType, long[]> sums = new EnumMap<>(QuantType.class);
        for (GgufTensor tensor : gguf.tensors()) {
            long[] sum = sums.computeIfAbsent(tensor.type(), type -> new long[2]);
            sum[0]++;
            sum[1] += tensor.bytes();
        }
        Map<QuantType, Map<String, Object>> types = new EnumMap<>(QuantType.class);
        sums.forEach((type, sum) -> types.put(type, new TreeMap<>(Map.of("tensors", sum[0], "bytes", sum[1]))));
        return types;
    }

    private Map<String, Object> metadata(GgufFile gguf) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (String key : gguf.metadata().keys()) {
            Object value = gguf.metadata().value(key);
            if (value.getClass().isArray()) {
                int length = Array.getLength(value);
                List<Object> items = new ArrayList<>();
                for (int i = 0; i < Math.min(length, json ? 64 : SHOWN_ITEMS); i++) {
                    items.add(Array.get(value, i));
                }
                values.put(key, length > items.size() ? Map.of("count", length, "first", items) : items);
            } else {
                values.put(key, value);
            }
        }
        return values;
    }

    private static Map<String, Object> tensor(GgufTensor tensor) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", tensor.name());
        fields.put("type", tensor.type());
        fields.put("dims", tensor.dims());
        fields.put("bytes", tensor.bytes());
        return fields;
    }

    /** For each device "yes", or why it cannot run the model. */
    private static Map<String, String> devices(ModelGraph graph) {
        Map<String, String> answers = new LinkedHashMap<>();
        CompileOptions options = new CompileOptions(Precision.FAST, Cache.Type.F16, Limits.single(512, 16, 1));
        for (Backend backend : Devices.backends().values()) {
            for (DeviceInfo info : backend.discover().devices()) {
                try (Device device = backend.open(info.index(), DeviceOptions.DEFAULT)) {
                    String answer = "yes";
                    for (Op op : graph.program().ops()) {
                        Support support = device.supports(op, options);
                        if (!support.ok()) {
                            answer = "no: " + op.name() + (op.tensors().isEmpty() ? "" : " of " + op.tensors().get(0)) + ": "
                                    + support
                                            .reason();
                            break;
                        }
                    }
                    answers.put(info.id(), answer);
                } catch (DeviceException e) {
                    answers.put(info.id(), "no: " + e.getMessage());
                }
            }
        }
        return answers;
    }

    private void print(Map<String, Object> report, long parameters, long data) {
        var out = Console.out();
        out.printf(Locale.ROOT, "%s: GGUF version %s, %s%n", report.get("file"), report.get("gguf_version"),
                Report.bytes((Long) report.get(
                        "bytes")));
        if (((List<?>) report.get("files")).size() > 1) {
            ((List<?>) report.get("files")).forEach(shard -> out.println("  shard " + shard));
        }
        out.printf(Locale.ROOT, "%n%,d parameters in %s tensors, %s, %.2f bits per weight%n", parameters, report.get("tensors"),
                Report.bytes(data), (Double) report.get("bits_per_weight"));
        ((Map<?, ?>) report.get("types"))
                .forEach((type, sums) -> out.printf(Locale.ROOT, "  %-8s %5s tensors  %12s%n", type, ((Map<?, ?>) sums)
                        .get("tensors"), Report.bytes((Long) ((Map<?, ?>) sums).get("bytes"))));
        out.printf("%nmetadata%n");
        ((Map<?, ?>) report.get("metadata")).forEach((key, value) -> out.printf("  %-48s %s%n", key, shown(value)));
        if (tensors) {
            out.printf("%ntensors%n");
            for (Object each : (List<?>) report.get("tensor_list")) {
                Map<?, ?> tensor = (Map<?, ?>) each;
                out.printf("  %-40s %-8s %-24s %12s%n", tensor.get("name"), tensor.get("type"), tensor.get("dims"),
                        Report.bytes((Long) tensor
                                .get("bytes")));
            }
        }
        if (report.containsKey("program")) {
            out.println();
            ((List<?>) report.get("program")).forEach(out::println);
        }
        if (report.containsKey("cache_bytes_per_token_f16")) {
            out.printf("%nattention cache: %s per token (f16)%n", Report.bytes((Long) report.get("cache_bytes_per_token_f16")));
        }
        out.printf("%nruns on%n");
        ((Map<?, ?>) report.get("devices")).forEach((id, answer) -> out.printf("  %-12s %s%n", id, answer));
    }

    private static String shown(Object value) {
        String text = value instanceof Map<?, ?> map
                ? map.get("first").toString().replaceAll("]$", ", … " + map.get("count") + " in all]")
                : value.toString();
        text = text.replace("\n", "\\n");
        return text.length() > SHOWN_TEXT ? text.substring(0, SHOWN_TEXT) + "…" : text;
    }
}
