package org.crema.backend.cpu;

import static org.crema.backend.cpu.Native.i16;

import org.crema.kernels.Cache;
import org.crema.kernels.quant.QuantType;

/** Turns columns of a cache row into F32. */
interface CacheReader {
    /** Columns {@code first} to {@code first + count - 1} of the row at an address. */
    void read(long row, int first, int count, long out);

    static CacheReader of(Cache.Type type) {
        return switch (type) {
            case F32 -> (row, first, count, out) -> Native.copy(row + 4L * first, out, 4L * count);
            case F16 -> (row, first, count, out) -> Lanes.BEST.fromF16(out, row + 2L * first, count);
            case Q8_0 -> CacheReader::q80;
        };
    }

    private static void q80(long row, int first, int count, long out) {
        int size = QuantType.Q8_0.blockSize();
        for (int c = first; c < first + count;) {
            long block = row + (long) (c / size) * QuantType.Q8_0.blockBytes();
            int columns = Math.min(size - c % size, first + count - c);
            Lanes.BEST.fromI8(out + 4L * (c - first), block + 2 + c % size, Float.float16ToFloat(i16(block)), columns);
            c += columns;
        }
    }
}
