package org.crema.model.gguf;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.crema.kernels.quant.QuantType;

/**
 * A tensor of a file.
 *
 * @param name as in the file
 * @param type of its elements
 * @param dims in GGUF order: the first is the length of a row
 * @param offset of its data in its file
 * @param data its bytes, a view of the mapped file; {@link MemorySegment#NULL} if only the header was opened
 */
public record GgufTensor(String name, QuantType type, List<Long> dims, long offset, MemorySegment data) {
    public GgufTensor {
        dims = List.copyOf(dims);
    }

    public long elements() {
        return dims.stream().reduce(1L, Math::multiplyExact);
    }

    public long bytes() {
        return Math.multiplyExact(type.rowBytes(dims.get(0)), elements() / dims.get(0));
    }

    @Override
    public String toString() {
        return name + " " + type + dims;
    }
}
