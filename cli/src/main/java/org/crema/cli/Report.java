package org.crema.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.crema.Generation;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What commands say about what they did. */
final class Report {
    private Report() {}

    /** Apart, since making them takes a twentieth of a second, and most commands print no JSON. */
    private static final class Mappers {
        static final JsonMapper INDENTED = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
        static final JsonMapper COMPACT = new JsonMapper();
    }

    static String json(Object value) {
        return Mappers.INDENTED.writeValueAsString(value);
    }

    /** JSON on one line. */
    static String compact(Object value) {
        return Mappers.COMPACT.writeValueAsString(value);
    }

    /** One line about speed. */
    static String speed(Generation g) {
        String cached = g.cachedTokens() > 0 ? " (" + g.cachedTokens() + " cached)" : "";
        return String.format(Locale.ROOT, "[prompt %d tokens%s, %.1f tokens/s; answer %d tokens, %.1f tokens/s; %s; seed %d]",
                g.promptTokens(),
                cached, g.promptRate(), g.tokens().size(), g.answerRate(), g.finishReason().toString().toLowerCase(Locale.ROOT),
                g.seed());
    }

    static Map<String, Object> fields(Generation g) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("text", g.text());
        fields.put("tokens", g.tokens());
        fields.put("finish_reason", g.finishReason().toString().toLowerCase(Locale.ROOT));
        fields.put("prompt_tokens", g.promptTokens());
        fields.put("cached_tokens", g.cachedTokens());
        fields.put("seed", g.seed());
        fields.put("prompt_tokens_per_second", g.promptRate());
        fields.put("answer_tokens_per_second", g.answerRate());
        return fields;
    }

    /** Bytes in the unit that people read. */
    static String bytes(long bytes) {
        if (bytes < 10 << 10) {
            return bytes + " B";
        }
        double value = bytes / 1024.0;
        for (String unit : new String[] {"KiB", "MiB", "GiB"}) {
            if (value < 1024 || unit.equals("GiB")) {
                return String.format(Locale.ROOT, "%.1f %s", value, unit);
            }
            value /= 1024;
        }
        throw new AssertionError("the last unit takes every size");
    }
}
