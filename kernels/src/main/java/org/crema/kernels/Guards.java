package org.crema.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds writes outside of slots: memory is filled with a pattern before the first run, and whatever lies in a {@link Layout.Gap} must
 * still hold it afterwards. A device with memory of its own fills with {@link #WORD} by its own means and reads its arena back.
 *
 * <p>The pattern is a NaN as a float and out of any range as a whole number, so that reading what nothing has written shows as well.
 * Fill slots with it too, not only gaps.
 */
public final class Guards {
    /** The pattern, from an offset that is a multiple of 4. */
    public static final int WORD = 0x7FE5_C3A9;

    private Guards() {}

    /** Fills all of a buffer. */
    public static void fill(MemorySegment memory) {
        long whole = memory.byteSize() & -4;
        for (long at = 0; at < whole; at += 4) {
            memory.set(JAVA_INT_UNALIGNED, at, WORD);
        }
        for (long at = whole; at < memory.byteSize(); at++) {
            memory.set(JAVA_BYTE, at, expected(at));
        }
    }

    /** What the gaps of an arena no longer hold, in words; empty if nothing was touched. */
    public static List<String> damage(Layout layout, MemorySegment arena) {
        List<String> found = new ArrayList<>();
        for (Layout.Gap gap : layout.gaps()) {
            found.addAll(damage("between " + gap.before() + " and " + gap.after(), arena, gap.offset(), gap.bytes()));
        }
        return found;
    }

    /**
     * What some bytes of a buffer no longer hold, in words: nothing or one sentence.
     *
     * @param place where the bytes are, for people: "after the cache of layer 3"
     * @param offset of the bytes in the buffer, which was filled as a whole
     */
    public static List<String> damage(String place, MemorySegment memory, long offset, long bytes) {
        long first = -1;
        long last = -1;
        long count = 0;
        for (long at = offset; at < offset + bytes; at++) {
            if (memory.get(JAVA_BYTE, at) != expected(at)) {
                first = first < 0 ? at : first;
                last = at;
                count++;
            }
        }
        if (count == 0) {
            return List.of();
        }
        return List
                .of("%s: %d of %d guard bytes overwritten, from byte %d to byte %d of the gap, the first with 0x%02x".formatted(
                        place, count, bytes, first - offset, last - offset, memory.get(JAVA_BYTE, first)));
    }

    private static byte expected(long at) {
        int shift = (int) (at & 3) * 8;
        return (byte) (WORD >>> (ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? shift : 24 - shift));
    }
}
