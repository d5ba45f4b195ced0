package org.crema.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Records, each with the names and values of its fields, as text that programs read. */
public final class Records {
    private static final JsonMapper LINE = JsonMapper.builder().build();
    private static final JsonMapper PRETTY = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private Records() {}

    /** One array. */
    public static String json(List<Map<String, Object>> records) {
        return PRETTY.writeValueAsString(records) + "\n";
    }

    /** One object a line. */
    public static String jsonLines(List<Map<String, Object>> records) {
        return records.stream().map(r -> LINE.writeValueAsString(r) + "\n").collect(Collectors.joining());
    }

    /** A line of names, then a line for each result, without fields that hold several values. */
    public static String csv(List<Map<String, Object>> records) {
        StringBuilder text = new StringBuilder();
        for (Map<String, Object> each : records) {
            Map<String, Object> fields = new LinkedHashMap<>(each);
            fields.values().removeIf(value -> value instanceof List<?> || value instanceof Map<?, ?>);
            if (text.isEmpty()) {
                text.append(String.join(",", fields.keySet())).append('\n');
            }
            text.append(fields.values().stream().map(Records::quoted).collect(Collectors.joining(","))).append('\n');
        }
        return text.toString();
    }

    private static String quoted(Object value) {
        return '"' + value.toString().replace("\"", "\"\"") + '"';
    }
}
