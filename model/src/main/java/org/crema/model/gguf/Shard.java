package org.crema.model.gguf;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.crema.kernels.quant.QuantType;

/** One file of a set, with its header read and every tensor checked to lie in the file. */
record Shard(String file, int version, long bytes, GgufMetadata metadata, List<GgufTensor> tensors) {
    /** "GGUF" as a little-endian integer. */
    private static final int MAGIC = 0x46554747;
    private static final int LARGEST_ALIGNMENT = 1 << 20;
    /** Name length, one dimension, type and offset of a tensor, or length, type and value of a metadata entry. */
    private static final int LEAST_TENSOR = 8 + 4 + 8 + 4 + 8;
    private static final int LEAST_ENTRY = 8 + 4 + 1;

    /**
     * @param headerOnly whether the data of the tensors may be absent; they get none then
     */
    static Shard read(String file, MemorySegment data, boolean headerOnly) {
        Cursor cursor = new Cursor(file, data);
        if (cursor.remaining() < 24) {
            throw cursor.error("header", "found " + cursor.remaining() + " bytes, expected a GGUF header of at least 24");
        }
        int magic = cursor.u32("magic");
        if (magic != MAGIC) {
            throw cursor.error(0, "magic",
                    "found 0x%08x, expected 0x%08x (\"GGUF\"); this is not a GGUF file".formatted(magic, MAGIC));
        }
        int version = cursor.u32("version");
        if (version != 2 && version != 3) {
            boolean swapped = Integer.reverseBytes(version) == 2 || Integer.reverseBytes(version) == 3;
            throw cursor.error(4, "version", swapped
                    ? "found a big-endian file, expected little-endian; convert it"
                    : "found " + Integer.toUnsignedString(version) + ", expected 2 or 3; convert the file with a current tool");
        }
        long tensorCount = cursor.count("tensor count", LEAST_TENSOR);
        long entryCount = cursor.count("metadata count", LEAST_ENTRY);
        GgufMetadata metadata = new GgufMetadata(cursor, entryCount);
        long alignment = alignment(metadata);
        List<Raw> raws = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (long i = 0; i < tensorCount; i++) {
            Raw raw = Raw.read(cursor, i, alignment);
            if (!names.add(raw.name)) {
                throw cursor.error(raw.at, "tensor " + raw.name, "found this name a second time, expected each name once");
            }
            raws.add(raw);
        }
        long base = Math.ceilDiv(cursor.at(), alignment) * alignment;
        checkApart(cursor, raws);
        List<GgufTensor> tensors = new ArrayList<>();
        for (Raw raw : raws) {
            tensors.add(raw.tensor(cursor, base, headerOnly));
        }
        return new Shard(file, version, data.byteSize(), metadata, List.copyOf(tensors));
    }

    private static long alignment(GgufMetadata metadata) {
        long alignment = metadata.integer("general.alignment").orElse(32);
        if (alignment < 1 || alignment > LARGEST_ALIGNMENT || Long.bitCount(alignment) != 1) {
            throw metadata.error("general.alignment",
                    "found " + alignment + ", expected a power of two up to " + LARGEST_ALIGNMENT);
        }
        return alignment;
    }

    private static void checkApart(Cursor cursor, List<Raw> raws) {
        List<Raw> order = new ArrayList<>(raws);
        order.sort(Comparator.comparingLong(raw -> raw.offset));
        for (int i = 1; i < order.size(); i++) {
            Raw before = order.get(i - 1);
            Raw raw = order.get(i);
            if (raw.offset < before.offset + before.bytes) {
                throw cursor.error(raw.at, "tensor " + raw.name, "found its data at offset " + raw.offset + ", inside of tensor "
                        + before.name + ", which ends at " + (before.offset + before.bytes));
            }
        }
    }

    /** A tensor's record in the header. */
    private record Raw(String name, QuantType type, List<Long> dims, long offset, long bytes, long elements, long at) {
        static Raw read(Cursor cursor, long index, long alignment) {
            long at = cursor.at();
            String name = cursor.name("name of tensor " + index);
            String field = "tensor " + name;
            int dimCount = cursor.u32(field);
            if (dimCount < 1 || dimCount > 4) {
                throw cursor.error(at, field, "found " + Integer.toUnsignedString(dimCount) + " dimensions, expected 1 to 4");
            }
            List<Long> dims = new ArrayList<>(dimCount);
            for (int d = 0; d < dimCount; d++) {
                long dim = cursor.u64(field);
                if (dim < 1) {
                    throw cursor.error(at, field, "found dimension " + Long.toUnsignedString(dim) + ", expected 1 to 2^63 - 1");
                }
                dims.add(dim);
            }
            int id = cursor.u32(field);
            Optional<QuantType> type = QuantType.ofId(id);
            if (type.isEmpty()) {
                throw cursor.error(at, field,
                        "found tensor type " + Integer.toUnsignedString(id) + ", expected one of " + List.of(
                                QuantType.values()));
            }
            long offset = cursor.u64(field);
            if (offset < 0 || offset % alignment != 0) {
                throw cursor.error(at, field, "found data offset " + Long.toUnsignedString(offset) + ", expected a multiple of "
                        + alignment);
            }
            long row = dims.get(0);
            if (row % type.get().blockSize() != 0) {
                throw cursor.error(at, field,
                        "found rows of " + row + " elements, expected a multiple of " + type.get().blockSize()
                                + " for " + type.get());
            }
            try {
                long bytes = type.get().rowBytes(row);
                for (long dim : dims.subList(1, dimCount)) {
                    bytes = Math.multiplyExact(bytes, dim);
                }
                long elements = 1;
                for (long dim : dims) {
                    elements = Math.multiplyExact(elements, dim);
                }
                // The end of the data has to be a number that a long holds, too.
                Math.addExact(Math.addExact(offset, bytes), LARGEST_ALIGNMENT + cursor.data().byteSize());
                return new Raw(name, type.get(), dims, offset, bytes, elements, at);
            } catch (ArithmeticException e) {
                throw cursor.error(at, field, "found dimensions " + dims + " at offset " + offset + ", more than 2^63 bytes");
            }
        }

        GgufTensor tensor(Cursor cursor, long base, boolean headerOnly) {
            long start = base + offset;
            if (headerOnly) {
                return new GgufTensor(name, type, dims, start, MemorySegment.NULL);
            }
            long have = cursor.data().byteSize();
            if (start + bytes > have) {
                throw cursor.error(at, "tensor " + name, "its data ends at byte " + (start + bytes) + ", but the file has " + have
                        + "; it is damaged or was not downloaded completely");
            }
            return new GgufTensor(name, type, dims, start, cursor.data().asSlice(start, bytes));
        }
    }
}
