package org.crema.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A record as it was written to JSON, by {@link Records} or by llama-bench.
 *
 * @param engine "crema" or "llama.cpp"
 * @param commit of the engine
 * @param file the model's file name
 * @param model the model in a few words
 * @param size bytes of its tensors
 * @param parameters its weights
 * @param device where it ran
 * @param placement which part of the model ran where
 * @param trial what was timed
 * @param samples tokens per second
 * @param configuration what else may make a difference, by name
 * @param limit tokens per second that what the devices reached at best in that run allows; empty for older records too
 * @param pace of the host beside the median sample, in the unit of {@link Sample#pace}
 */
public record Entry(String engine, String commit, String file, String model, long size, long parameters, String device,
        String placement, Trial trial, Samples samples, Map<String, String> configuration, OptionalDouble limit,
        OptionalDouble pace) {
    private static final JsonMapper JSON = new JsonMapper();
    /** Fields in which two runs of the same test may differ. */
    private static final List<String> CONFIGURATION = List.of("cpu_info", "gpu_info", "device_details", "n_threads", "n_batch",
            "type_k", "precision", "model_hash", "os", "jvm", "jvm_flags");

    /**
     * Reads a JSON array or JSON lines.
     *
     * @throws IOException if the file cannot be read, or is not such a file; the message says where
     */
    public static List<Entry> read(Path path) throws IOException {
        String text = Files.readString(path);
        List<Entry> entries = new ArrayList<>();
        try {
            if (text.stripLeading().startsWith("[")) {
                for (JsonNode node : JSON.readTree(text)) {
                    entries.add(of(node, path + ", record " + (entries.size() + 1)));
                }
            } else {
                int line = 0;
                for (String each : text.split("\n")) {
                    line++;
                    if (!each.isBlank()) {
                        entries.add(of(JSON.readTree(each), path + ", line " + line));
                    }
                }
            }
        } catch (JacksonException e) {
            throw new IOException(path + " is not JSON: " + e.getOriginalMessage(), e);
        }
        if (entries.isEmpty()) {
            throw new IOException(path + " holds no records; expected what crema bench -o json or llama-bench -o json writes");
        }
        return entries;
    }

    /** The records of results that were just taken. */
    public static List<Entry> of(List<Result> results) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (Result result : results) {
            entries.add(of(JSON.valueToTree(result.fields()), "result"));
        }
        return entries;
    }

    private static Entry of(JsonNode node, String where) throws IOException {
        if (!node.isObject()) {
            throw new IOException(where + ": found no object, expected a record of a benchmark");
        }
        String engine = text(node, "engine", "llama.cpp");
        String backend = text(node, "backends", "");
        String device = engine.equals("crema") ? text(node, "devices", backend) : backend;
        int generate = number(node, "n_gen", where);
        int prompt = number(node, "n_prompt", where);
        try {
            Trial trial = new Trial(prompt, generate, node.path("n_depth").asInt(0), node.path("n_streams").asInt(1));
            Map<String, String> configuration = new LinkedHashMap<>();
            for (String key : CONFIGURATION) {
                if (node.has(key)) {
                    configuration.put(key, node.get(key).isValueNode() ? node.get(key).asString() : node.get(key).toString());
                }
            }
            return new Entry(engine, text(node, "build_commit", "unknown"), base(text(node, "model_filename", "")),
                    text(node, "model_type", ""), node.path("model_size").asLong(0), node.path("model_n_params").asLong(0),
                    device, text(node, "placement", layers(node, device)), trial, samples(node, where), configuration,
                    // Before products had a rate of their own, the limit was another one.
                    node.path("limit_ts").isNumber() && node.has("limit_products_per_second")
                            ? OptionalDouble.of(node.get("limit_ts").asDouble())
                            : OptionalDouble.empty(),
                    node.path("samples_pace").isArray() && !node.get("samples_pace").isEmpty()
                            ? OptionalDouble.of(values(node.get("samples_pace")).median())
                            : OptionalDouble.empty());
        } catch (IllegalArgumentException e) {
            throw new IOException(where + ": " + e.getMessage(), e);
        }
    }

    private static String layers(JsonNode node, String device) {
        return node.has("n_gpu_layers") ? node.get("n_gpu_layers").asString() + " layers on " + device : device;
    }

    private static Samples samples(JsonNode node, String where) throws IOException {
        JsonNode samples = node.path("samples_ts");
        if (samples.isArray() && !samples.isEmpty()) {
            return values(samples);
        }
        if (!node.path("avg_ts").isNumber()) {
            throw new IOException(where + ": found neither samples_ts nor avg_ts, expected a record of a benchmark");
        }
        return new Samples(List.of(node.get("avg_ts").asDouble()));
    }

    private static Samples values(JsonNode array) {
        return new Samples(array.valueStream().map(JsonNode::asDouble).toList());
    }

    private static int number(JsonNode node, String name, String where) throws IOException {
        if (!node.path(name).isInt()) {
            throw new IOException(where + ": found no number " + name + ", expected a record of a benchmark");
        }
        return node.get(name).asInt();
    }

    private static String text(JsonNode node, String name, String otherwise) {
        return node.path(name).isValueNode() ? node.get(name).asString() : otherwise;
    }

    private static String base(String file) {
        return file.substring(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
    }

    /** Whether both are of one model: the same file name, or as many bytes and weights. */
    boolean sameModel(Entry other) {
        return file.equals(other.file) || (size == other.size && parameters == other.parameters);
    }

    /** Whether both are of one test of one model in one place. */
    boolean sameTest(Entry other) {
        return sameModel(other) && trial.equals(other.trial) && device.equals(other.device) && placement.equals(other.placement)
                && configuration.getOrDefault("n_threads", "").equals(other.configuration.getOrDefault("n_threads", ""))
                && configuration.getOrDefault("precision", "").equals(other.configuration.getOrDefault("precision", ""));
    }
}
