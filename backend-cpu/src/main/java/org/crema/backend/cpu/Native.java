package org.crema.backend.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * All of memory as one segment, by absolute address. One static segment keeps every access site of the backend monomorphic,
 * whether the memory is mapped or allocated, and its bounds check is a sign test. Nothing here checks a range: whoever computes
 * an address has checked it.
 */
public final class Native {
    /** All of memory; the offset is the address. */
    public static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Native() {}

    public static float f32(long address) {
        return ALL.get(F32, address);
    }

    public static void f32(long address, float value) {
        ALL.set(F32, address, value);
    }

    public static int i32(long address) {
        return ALL.get(I32, address);
    }

    public static void i32(long address, int value) {
        ALL.set(I32, address, value);
    }

    public static short i16(long address) {
        return ALL.get(I16, address);
    }

    public static void i16(long address, short value) {
        ALL.set(I16, address, value);
    }

    public static byte i8(long address) {
        return ALL.get(ValueLayout.JAVA_BYTE, address);
    }

    public static void i8(long address, byte value) {
        ALL.set(ValueLayout.JAVA_BYTE, address, value);
    }

    /** Copies bytes; the ranges may not overlap. */
    public static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    /** Sets bytes to zero. */
    public static void zero(long at, long bytes) {
        ALL.asSlice(at, bytes).fill((byte) 0);
    }

    /** The bytes of a range, as a segment. */
    public static MemorySegment slice(long at, long bytes) {
        return ALL.asSlice(at, bytes);
    }
}
