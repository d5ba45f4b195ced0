package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.crema.kernels.conformance.OracleData;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The golden files of the quant formats. */
final class QuantOracle {
    static final JsonNode MANIFEST = new ObjectMapper().readTree(OracleData.bytes("quant/manifest.json"));
    static final int COLUMNS = MANIFEST.get("cols").asInt();

    private static final Map<String, JsonNode> TYPES = MANIFEST.get("types").valueStream()
            .collect(Collectors.toMap(node -> node.get("type").asString(), Function.identity()));

    private QuantOracle() {}

    /** Every type of the manifest, for parameterised tests. */
    static List<QuantType> types() {
        return TYPES.keySet().stream().map(QuantType::valueOf).sorted().toList();
    }

    /** The types that GGML has dot products of: all but Q8_K, which is an activation format itself. */
    static List<QuantType> typesWithProducts() {
        return types().stream().filter(type -> type != QuantType.Q8_K).toList();
    }

    static Map<String, JsonNode> entries() {
        return TYPES;
    }

    static JsonNode entry(QuantType type) {
        return TYPES.get(type.name());
    }

    /** All rows of a file of blocks. */
    static float[] decode(QuantType type, String file) {
        byte[] bytes = OracleData.bytes("quant/" + file);
        long rowBytes = type.rowBytes(COLUMNS);
        if (bytes.length == 0 || bytes.length % rowBytes != 0) {
            throw new IllegalArgumentException(file + " has " + bytes.length + " bytes, rows have " + rowBytes);
        }
        float[] weights = new float[(int) (bytes.length / rowBytes) * COLUMNS];
        type.codec().decode(MemorySegment.ofArray(bytes), 0, weights, 0, weights.length);
        return weights;
    }
}
