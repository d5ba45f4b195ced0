package org.crema.model.gguf;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads a header from front to back. Every length is checked against the bytes that remain before it is used. */
final class Cursor {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int LONGEST_NAME = 1 << 16;

    private final String file;
    private final MemorySegment data;
    private long at;

    Cursor(String file, MemorySegment data) {
        this.file = file;
        this.data = data;
    }

    String file() {
        return file;
    }

    MemorySegment data() {
        return data;
    }

    long at() {
        return at;
    }

    /** A cursor of its own at an offset that was read before. */
    Cursor from(long offset) {
        Cursor cursor = new Cursor(file, data);
        cursor.at = offset;
        return cursor;
    }

    long remaining() {
        return data.byteSize() - at;
    }

    GgufException error(String field, String problem) {
        return error(at, field, problem);
    }

    GgufException error(long offset, String field, String problem) {
        return new GgufException(file, offset, field, problem);
    }

    void skip(long bytes, String field) {
        need(bytes, field);
        at += bytes;
    }

    byte u8(String field) {
        need(1, field);
        return data.get(ValueLayout.JAVA_BYTE, at++);
    }

    short u16(String field) {
        need(2, field);
        at += 2;
        return data.get(SHORT, at - 2);
    }

    int u32(String field) {
        need(4, field);
        at += 4;
        return data.get(INT, at - 4);
    }

    long u64(String field) {
        need(8, field);
        at += 8;
        return data.get(LONG, at - 8);
    }

    /** A count of records of at least so many bytes each; more than fit in what remains is an error. */
    long count(String field, int leastBytes) {
        long start = at;
        long count = u64(field);
        if (count < 0 || count > remaining() / leastBytes) {
            throw error(start, field, "found a count of " + Long.toUnsignedString(count) + ", but the remaining " + remaining()
                    + " bytes hold at most " + remaining() / leastBytes + "; the file is damaged or cut short");
        }
        return count;
    }

    /** A key or tensor name: valid UTF-8 of a sensible length. */
    String name(String field) {
        long start = at;
        long length = count(field, 1);
        if (length > LONGEST_NAME) {
            throw error(start, field, "found a name of " + length + " bytes, expected at most " + LONGEST_NAME);
        }
        at += length;
        return text(start + 8, (int) length, field);
    }

    /** Skips a string and gives the offset of its length. */
    long skipString(String field) {
        long start = at;
        long length = count(field, 1);
        at += length;
        return start;
    }

    /** The string whose length stands at an offset that was skipped before. */
    String stringAt(long offset, String field) {
        long length = data.get(LONG, offset);
        if (length > 1 << 30) {
            throw error(offset, field, "found a string of " + length + " bytes, expected at most 1 GiB");
        }
        return text(offset + 8, (int) length, field);
    }

    private String text(long offset, int length, String field) {
        byte[] bytes = data.asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
        String text = new String(bytes, StandardCharsets.UTF_8);
        if (text.indexOf('\uFFFD') >= 0) {
            // Either the text holds this character, or it stands for bytes that are not UTF-8.
            try {
                StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            } catch (CharacterCodingException e) {
                throw error(offset, field, "found bytes that are not UTF-8 text (" + e.getMessage() + ")");
            }
        }
        return text;
    }

    private void need(long bytes, String field) {
        if (bytes < 0 || bytes > remaining()) {
            throw error(field, "needs " + Long.toUnsignedString(bytes) + " bytes, but only " + remaining()
                    + " are left; the file is damaged or cut short");
        }
    }
}
