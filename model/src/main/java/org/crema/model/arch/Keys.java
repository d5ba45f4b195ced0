package org.crema.model.arch;

import java.util.OptionalLong;
import org.crema.model.gguf.GgufMetadata;

/**
 * Hyper-parameters of one architecture: metadata keys after its prefix, each checked to be a sensible number.
 *
 * @param prefix the architecture's name
 * @param metadata of the file
 */
record Keys(String prefix, GgufMetadata metadata) {
    /** Larger than any count, width or context of a model that exists. */
    private static final long LARGEST = 1 << 24;

    private String full(String key) {
        return prefix + "." + key;
    }

    boolean has(String key) {
        return metadata.has(full(key));
    }

    /** A required number of things, at least one. */
    int count(String key) {
        return count(key, metadata.requireInteger(full(key)), 1);
    }

    /** A number of things, at least one, or a default. */
    int count(String key, int otherwise) {
        OptionalLong value = metadata.integer(full(key));
        return value.isEmpty() ? otherwise : count(key, value.getAsLong(), 1);
    }

    /** A number of things that may be zero, or zero if there is no such key. */
    int countOrZero(String key) {
        return count(key, metadata.integer(full(key)).orElse(0), 0);
    }

    private int count(String key, long value, long least) {
        if (value < least || value > LARGEST) {
            throw metadata.error(full(key), "found " + value + ", expected " + least + " to " + LARGEST);
        }
        return (int) value;
    }

    /** A required finite number. */
    double number(String key) {
        return finite(key, metadata.requireNumber(full(key)));
    }

    /** A finite number, or a default. */
    double number(String key, double otherwise) {
        return finite(key, metadata.number(full(key)).orElse(otherwise));
    }

    private double finite(String key, double value) {
        if (!Double.isFinite(value)) {
            throw metadata.error(full(key), "found " + value + ", expected a finite number");
        }
        return value;
    }

    boolean flag(String key, boolean otherwise) {
        return metadata.bool(full(key)).orElse(otherwise);
    }

    String string(String key, String otherwise) {
        return metadata.string(full(key)).orElse(otherwise);
    }

    RuntimeException error(String key, String problem) {
        return metadata.error(full(key), problem);
    }
}
