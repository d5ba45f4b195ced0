package org.crema.model.tokenizer;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufMetadata;

/** Writes the metadata of small vocabularies. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
final class GgufBytes {
    private final Map<String, Object> entries = new LinkedHashMap<>();

    /** A value as Integer, Boolean, String, int[], float[] or String[]; null takes the key away. */
    GgufBytes with(String key, Object value) {
        if (value == null) {
            entries.remove("tokenizer.ggml." + key);
        } else {
            entries.put("tokenizer.ggml." + key, value);
        }
        return this;
    }

    GgufMetadata metadata() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        u32(out, 3);
        u64(out, 0);
        u64(out, entries.size());
        entries.forEach((key, value) -> {
            string(out, key);
            value(out, value);
        });
        ByteBuffer direct = ByteBuffer.allocateDirect(out.size()).put(out.toByteArray()).flip();
        return GgufFile.open("test.gguf", MemorySegment.ofBuffer(direct)).metadata();
    }

    private static void value(ByteArrayOutputStream out, Object value) {
        switch (value) {
            case Integer number -> {
                u32(out, 5);
                u32(out, number);
            }
            case Boolean bool -> {
                u32(out, 7);
                out.write(bool ? 1 : 0);
            }
            case String text -> {
                u32(out, 8);
                string(out, text);
            }
            case String[] texts -> {
                array(out, 8, texts.length);
                for (String text : texts) {
                    string(out, text);
                }
            }
            case int[] numbers -> {
                array(out, 5, numbers.length);
                for (int number : numbers) {
                    u32(out, number);
                }
            }
            case float[] numbers -> {
                array(out, 6, numbers.length);
                for (float number : numbers) {
                    u32(out, Float.floatToIntBits(number));
                }
            }
            default -> throw new IllegalArgumentException("no GGUF type for " + value.getClass());
        }
    }

    private static void array(ByteArrayOutputStream out, int type, int count) {
        u32(out, 9);
        u32(out, type);
        u64(out, count);
    }

    private static void string(ByteArrayOutputStream out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        u64(out, bytes.length);
        out.writeBytes(bytes);
    }

    private static void u32(ByteArrayOutputStream out, int value) {
        out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    private static void u64(ByteArrayOutputStream out, long value) {
        out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
    }
}
