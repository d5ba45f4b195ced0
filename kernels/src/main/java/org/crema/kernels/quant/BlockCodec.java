package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;

/** A codec that checks ranges once and then decodes block by block. */
record BlockCodec(String format, int blockSize, int blockBytes, BlockDecoder decoder) implements Codec {
    @Override
    public void decode(MemorySegment src, long offset, float[] dst, int at, int count) {
        checkRanges(format, blockSize, blockBytes, src, offset, dst.length, at, count);
        int end = at + count;
        long p = offset;
        for (int i = at; i < end; i += blockSize) {
            decoder.decode(src, p, dst, i);
            p += blockBytes;
        }
    }

    /** Checks that {@code count} values at {@code at} of {@code length} and their blocks at {@code offset} exist. */
    static void checkRanges(String format, int blockSize, int blockBytes, MemorySegment blocks, long offset, int length, int at,
            int count) {
        if (count < 0 || count % blockSize != 0) {
            throw new IllegalArgumentException(
                    format + " has blocks of " + blockSize + " values; the count must be a multiple of it, not " + count);
        }
        if (at < 0 || at > length - count) {
            throw new IndexOutOfBoundsException(
                    count + " values of " + format + " at index " + at + " do not fit an array of " + length);
        }
        long bytes = (long) (count / blockSize) * blockBytes;
        if (offset < 0 || offset > blocks.byteSize() - bytes) {
            throw new IndexOutOfBoundsException(count + " values of " + format + " take " + bytes + " bytes; at byte " + offset
                    + " they do not lie within a segment of " + blocks.byteSize() + " bytes");
        }
    }
}
