package org.crema.model.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.quant.QuantType;

/**
 * Writes GGUF files: small ones as a whole, and headers of large ones without their data, for planning. Metadata values are String,
 * Boolean, Integer (u32), Long (u64), Float, Double, String[], int[] (i32), long[] (u64), float[].
 */
public final class GgufWriter {
    private final int version;
    private final int alignment;
    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final List<Entry> tensors = new ArrayList<>();

    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Entry(String name, QuantType type, List<Long> dims, byte[] data) {
        long bytes() {
            long rows = 1;
            for (long dim : dims.subList(1, dims.size())) {
                rows = Math.multiplyExact(rows, dim);
            }
            return Math.multiplyExact(type.rowBytes(dims.get(0)), rows);
        }
    }

    /** Version 3, aligned to 32 bytes. */
    public GgufWriter() {
        this(3, 32);
    }

    /**
     * @param version 2 or 3
     * @param alignment of tensor data; a power of two
     */
    public GgufWriter(int version, int alignment) {
        if (version < 2 || version > 3 || Integer.bitCount(alignment) != 1) {
            throw new IllegalArgumentException(
                    "version " + version + " must be 2 or 3, alignment " + alignment + " a power of two");
        }
        this.version = version;
        this.alignment = alignment;
        if (alignment != 32) {
            metadata.put("general.alignment", alignment);
        }
    }

    public GgufWriter put(String key, Object value) {
        metadata.put(key, value);
        return this;
    }

    /**
     * Adds a tensor.
     *
     * @param dims in GGUF order, row length first
     * @param data its bytes, or null for a header without data
     */
    public GgufWriter tensor(String name, QuantType type, List<Long> dims, byte[] data) {
        Entry entry = new Entry(name, type, List.copyOf(dims), data);
        if (data != null && data.length != entry.bytes()) {
            throw new IllegalArgumentException("tensor " + name + " needs " + entry.bytes() + " bytes, not " + data.length);
        }
        tensors.add(entry);
        return this;
    }

    /** The header, padded to where the data begins. */
    public byte[] header() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        u32(out, version);
        u64(out, tensors.size());
        u64(out, metadata.size());
        metadata.forEach((key, value) -> {
            string(out, key);
            value(out, value);
        });
        long offset = 0;
        for (Entry tensor : tensors) {
            string(out, tensor.name());
            u32(out, tensor.dims().size());
            tensor.dims().forEach(dim -> u64(out, dim));
            u32(out, tensor.type().id());
            u64(out, offset);
            offset = align(Math.addExact(offset, tensor.bytes()));
        }
        out.writeBytes(new byte[(int) (align(out.size()) - out.size())]);
        return out.toByteArray();
    }

    /** The whole file. */
    public byte[] bytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(header());
        for (Entry tensor : tensors) {
            if (tensor.data() != null) {
                out.writeBytes(tensor.data());
                out.writeBytes(new byte[(int) (align(tensor.bytes()) - tensor.bytes())]);
            }
        }
        return out.toByteArray();
    }

    /** Writes the file; tensors without data become holes of their size. */
    public void write(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
            byte[] header = header();
            channel.write(ByteBuffer.wrap(header));
            long at = header.length;
            for (Entry tensor : tensors) {
                if (tensor.data() != null) {
                    channel.write(ByteBuffer.wrap(tensor.data()), at);
                }
                at = align(at + tensor.bytes());
            }
            if (channel.size() < at) {
                channel.write(ByteBuffer.wrap(new byte[1]), at - 1);
            }
        }
    }

    private long align(long value) {
        return Math.ceilDiv(value, alignment) * (long) alignment;
    }

    private static void value(ByteArrayOutputStream out, Object value) {
        u32(out, type(value).id());
        if (!value.getClass().isArray()) {
            single(out, value);
            return;
        }
        switch (value) {
            case String[] all -> {
                array(out, ValueType.STRING, all.length);
                for (String each : all) {
                    single(out, each);
                }
            }
            case int[] all -> {
                array(out, ValueType.INT32, all.length);
                for (int each : all) {
                    u32(out, each);
                }
            }
            case long[] all -> {
                array(out, ValueType.UINT64, all.length);
                for (long each : all) {
                    u64(out, each);
                }
            }
            case float[] all -> {
                array(out, ValueType.FLOAT32, all.length);
                for (float each : all) {
                    single(out, each);
                }
            }
            default -> throw new IllegalArgumentException("cannot write arrays of " + value.getClass().componentType());
        }
    }

    private static void array(ByteArrayOutputStream out, ValueType type, int length) {
        u32(out, type.id());
        u64(out, length);
    }

    private static ValueType type(Object value) {
        if (value.getClass().isArray()) {
            return ValueType.ARRAY;
        }
        return switch (value) {
            case String s -> ValueType.STRING;
            case Boolean b -> ValueType.BOOL;
            case Byte b -> ValueType.INT8;
            case Short s -> ValueType.INT16;
            case Integer i -> ValueType.UINT32;
            case Long l -> ValueType.UINT64;
            case Float f -> ValueType.FLOAT32;
            case Double d -> ValueType.FLOAT64;
            default -> throw new IllegalArgumentException("cannot write a " + value.getClass());
        };
    }

    private static void single(ByteArrayOutputStream out, Object value) {
        switch (value) {
            case String s -> string(out, s);
            case Boolean b -> out.write(b ? 1 : 0);
            case Byte b -> out.write(b);
            case Short s -> out.writeBytes(ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort(s).array());
            case Integer i -> u32(out, i);
            case Long l -> u64(out, l);
            case Float f -> u32(out, Float.floatToRawIntBits(f));
            case Double d -> u64(out, Double.doubleToRawLongBits(d));
            default -> throw new IllegalArgumentException("cannot write a " + value.getClass());
        }
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
