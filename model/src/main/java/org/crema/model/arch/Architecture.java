package org.crema.model.arch;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.crema.model.gguf.GgufException;
import org.crema.model.gguf.GgufFile;

/** A family of models: turns a file's metadata and tensors into a {@link ModelGraph}. */
public interface Architecture {
    /** As in {@code general.architecture}. */
    String name();

    /**
     * The model of a file.
     *
     * @throws GgufException if a key or tensor is missing or does not fit, naming it
     */
    ModelGraph graph(GgufFile file, ArchitectureOptions options);

    /** All architectures by name. */
    Map<String, Architecture> ALL = all();

    private static Map<String, Architecture> all() {
        Map<String, Architecture> all = new TreeMap<>();
        for (Architecture each : List.of(new DeepSeek2(), new Llama(), new Qwen2(), new Qwen3(), new Qwen3Moe())) {
            all.put(each.name(), each);
        }
        return Map.copyOf(all);
    }

    /** The graph of a file, whatever its architecture. */
    static ModelGraph of(GgufFile file, ArchitectureOptions options) {
        String name = file.metadata().requireString("general.architecture");
        Architecture architecture = ALL.get(name);
        if (architecture == null) {
            throw file.metadata().error("general.architecture", "found \"" + name + "\", supported are " + new TreeMap<>(ALL)
                    .keySet());
        }
        return architecture.graph(file, options);
    }
}
