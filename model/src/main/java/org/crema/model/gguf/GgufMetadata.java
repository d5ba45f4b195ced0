package org.crema.model.gguf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The key-value pairs of a file, in file order. Values are read from the mapped file when they are asked for; they must not be asked
 * for after the file was closed. Thread-safe.
 */
public final class GgufMetadata {
    private final Cursor cursor;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /** A value: its type, for arrays the element type and count, and where the value (or the first element) starts. */
    private record Entry(ValueType type, ValueType element, long count, long offset) {
        @Override
        public String toString() {
            return type == ValueType.ARRAY ? "array of " + count + " " + element : type.toString();
        }
    }

    GgufMetadata(Cursor cursor, long count) {
        this.cursor = cursor;
        for (long i = 0; i < count; i++) {
            read("metadata entry " + i);
        }
    }

    private void read(String which) {
        long start = cursor.at();
        String key = cursor.name("key of " + which);
        if (key.isEmpty()) {
            throw cursor.error(start, "key of " + which, "found an empty key");
        }
        ValueType type = type(key);
        Entry entry;
        if (type == ValueType.ARRAY) {
            ValueType element = type(key);
            if (element == ValueType.ARRAY) {
                throw cursor.error(key, "found an array of arrays, expected an array of single values");
            }
            long count = cursor.count(key, element.leastBytes());
            entry = new Entry(type, element, count, cursor.at());
            if (element == ValueType.STRING) {
                for (long i = 0; i < count; i++) {
                    cursor.skipString(key);
                }
            } else {
                cursor.skip(count * element.leastBytes(), key);
            }
        } else {
            entry = new Entry(type, type, 1, cursor.at());
            if (type == ValueType.STRING) {
                cursor.skipString(key);
            } else {
                cursor.skip(type.leastBytes(), key);
            }
        }
        if (entries.putIfAbsent(key, entry) != null) {
            throw cursor.error(start, key, "found this key a second time, expected each key once");
        }
    }

    private ValueType type(String key) {
        long start = cursor.at();
        int id = cursor.u32(key);
        ValueType[] types = ValueType.values();
        if (id < 0 || id >= types.length) {
            throw cursor.error(start, key, "found value type " + Integer.toUnsignedString(id) + ", expected 0 to " + (types.length
                    - 1));
        }
        return types[id];
    }

    /** Keys in file order. */
    public Set<String> keys() {
        return Collections.unmodifiableSet(entries.keySet());
    }

    public boolean has(String key) {
        return entries.containsKey(key);
    }

    /** Type of a value in words, for people; arrays with their length. */
    public String describe(String key) {
        Entry entry = entries.get(key);
        return entry == null ? "missing" : entry.toString();
    }

    /** A value as String, Long, Double, Boolean, or for arrays String[], long[], double[] or boolean[]; null if there is none. */
    public Object value(String key) {
        Entry entry = entries.get(key);
        if (entry == null) {
            return null;
        }
        if (entry.type() != ValueType.ARRAY) {
            return single(key, entry.type(), entry.offset());
        }
        return switch (entry.element()) {
            case STRING -> strings(key).orElseThrow();
            case BOOL -> {
                boolean[] values = new boolean[length(key, entry)];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (Boolean) single(key, ValueType.BOOL, entry.offset() + i);
                }
                yield values;
            }
            case FLOAT32, FLOAT64 -> doubles(key, entry);
            default -> integers(key).orElseThrow();
        };
    }

    public Optional<String> string(String key) {
        return find(key, "a string", entry -> entry.type() == ValueType.STRING)
                .map(entry -> cursor.stringAt(entry.offset(), key));
    }

    /** Any integer type; a 64-bit value that a long cannot hold is an error. */
    public OptionalLong integer(String key) {
        Optional<Entry> entry = find(key, "an integer", e -> e.type().isInteger());
        return entry.isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of((Long) single(key, entry.get().type(), entry.get().offset()));
    }

    /** A float of either size, or an integer. */
    public OptionalDouble number(String key) {
        Optional<Entry> entry = find(key, "a number", e -> e.type().isFloat() || e.type().isInteger());
        return entry.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(((Number) single(key, entry.get().type(), entry.get().offset())).doubleValue());
    }

    public Optional<Boolean> bool(String key) {
        return find(key, "a boolean", entry -> entry.type() == ValueType.BOOL)
                .map(entry -> (Boolean) single(key, entry.type(), entry
                        .offset()));
    }

    public Optional<String[]> strings(String key) {
        return array(key, "an array of strings", ValueType.STRING::equals).map(entry -> {
            String[] values = new String[length(key, entry)];
            Cursor at = cursor.from(entry.offset());
            for (int i = 0; i < values.length; i++) {
                values[i] = at.stringAt(at.skipString(key), key);
            }
            return values;
        });
    }

    public Optional<long[]> integers(String key) {
        return array(key, "an array of integers", ValueType::isInteger).map(entry -> {
            long[] values = new long[length(key, entry)];
            for (int i = 0; i < values.length; i++) {
                values[i] = (Long) single(key, entry.element(), entry.offset() + (long) i * entry.element().leastBytes());
            }
            return values;
        });
    }

    public Optional<float[]> floats(String key) {
        return array(key, "an array of floats", ValueType::isFloat).map(entry -> {
            double[] wide = doubles(key, entry);
            float[] values = new float[wide.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) wide[i];
            }
            return values;
        });
    }

    public String requireString(String key) {
        return string(key).orElseThrow(() -> missing(key, "a string"));
    }

    public long requireInteger(String key) {
        return integer(key).orElseThrow(() -> missing(key, "an integer"));
    }

    public double requireNumber(String key) {
        return number(key).orElseThrow(() -> missing(key, "a number"));
    }

    public String[] requireStrings(String key) {
        return strings(key).orElseThrow(() -> missing(key, "an array of strings"));
    }

    /** An error about the value of a key, for callers that find it unusable. */
    public GgufException error(String key, String problem) {
        Entry entry = entries.get(key);
        return cursor.error(entry == null ? -1 : entry.offset(), key, problem);
    }

    private GgufException missing(String key, String expected) {
        return cursor.error(-1, key, "expected " + expected + " of this name in the metadata, found none");
    }

    private Optional<Entry> find(String key, String expected, java.util.function.Predicate<Entry> fits) {
        Entry entry = entries.get(key);
        if (entry != null && !fits.test(entry)) {
            throw error(key, "expected " + expected + ", found " + entry);
        }
        return Optional.ofNullable(entry);
    }

    private Optional<Entry> array(String key, String expected, java.util.function.Predicate<ValueType> fits) {
        return find(key, expected, entry -> entry.type() == ValueType.ARRAY && fits.test(entry.element()));
    }

    private int length(String key, Entry entry) {
        if (entry.count() > 1 << 26) {
            throw error(key, "found an array of " + entry.count() + " values, expected at most " + (1 << 26));
        }
        return (int) entry.count();
    }

    private double[] doubles(String key, Entry entry) {
        double[] values = new double[length(key, entry)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (Double) single(key, entry.element(), entry.offset() + (long) i * entry.element().leastBytes());
        }
        return values;
    }

    private Object single(String key, ValueType type, long offset) {
        Cursor at = cursor.from(offset);
        return switch (type) {
            case UINT8 -> (long) Byte.toUnsignedInt(at.u8(key));
            case INT8 -> (long) at.u8(key);
            case UINT16 -> (long) Short.toUnsignedInt(at.u16(key));
            case INT16 -> (long) at.u16(key);
            case UINT32 -> Integer.toUnsignedLong(at.u32(key));
            case INT32 -> (long) at.u32(key);
            case INT64 -> at.u64(key);
            case UINT64 -> {
                long value = at.u64(key);
                if (value < 0) {
                    throw error(key, "found " + Long.toUnsignedString(value) + ", expected less than 2^63");
                }
                yield value;
            }
            case FLOAT32 -> (double) Float.intBitsToFloat(at.u32(key));
            case FLOAT64 -> Double.longBitsToDouble(at.u64(key));
            case BOOL -> {
                byte value = at.u8(key);
                if (value != 0 && value != 1) {
                    throw error(key, "found " + value + ", expected a boolean of 0 or 1");
                }
                yield value == 1;
            }
            case STRING -> cursor.stringAt(offset, key);
            case ARRAY -> throw new AssertionError("arrays are read element by element");
        };
    }
}
