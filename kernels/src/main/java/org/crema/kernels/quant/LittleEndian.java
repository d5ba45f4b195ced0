package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Access to the fields of a block: little-endian, at any alignment, on any machine. */
final class LittleEndian {
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private LittleEndian() {}

    static int i8(MemorySegment b, long p) {
        return b.get(ValueLayout.JAVA_BYTE, p);
    }

    static int u8(MemorySegment b, long p) {
        return i8(b, p) & 0xff;
    }

    static int u16(MemorySegment b, long p) {
        return b.get(I16, p) & 0xffff;
    }

    static int i32(MemorySegment b, long p) {
        return b.get(I32, p);
    }

    static float f16(MemorySegment b, long p) {
        return Float.float16ToFloat(b.get(I16, p));
    }

    static float f32(MemorySegment b, long p) {
        return Float.intBitsToFloat(i32(b, p));
    }

    /** Nibble {@code k} of the bytes from {@code p}: the low half of byte k/2 for even k, the high half for odd k. */
    static int nibble(MemorySegment b, long p, int k) {
        return (u8(b, p + k / 2) >> (4 * (k & 1))) & 15;
    }

    static void putI8(MemorySegment b, long p, int value) {
        b.set(ValueLayout.JAVA_BYTE, p, (byte) value);
    }

    static void putI16(MemorySegment b, long p, int value) {
        b.set(I16, p, (short) value);
    }

    static void putF16(MemorySegment b, long p, float value) {
        b.set(I16, p, Float.floatToFloat16(value));
    }

    static void putF32(MemorySegment b, long p, float value) {
        b.set(I32, p, Float.floatToRawIntBits(value));
    }
}
