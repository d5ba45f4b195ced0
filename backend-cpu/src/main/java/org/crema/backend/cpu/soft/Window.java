package org.crema.backend.cpu.soft;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * What a product of one row reads and writes, copied to the Java heap: arrays are quick before anything is compiled, memory segments are
 * not. It stands in for the segment of all memory, with addresses of its own.
 */
public final class Window {
    /** Address of the row of weights; behind it its other bytes. */
    public static final long WEIGHTS = 0;
    /** Address of the packed activations. */
    public static final long ACTIVATIONS = 1L << 40;
    /** Address of the vector of sums. */
    public static final long SUMS = 1L << 41;
    /** Behind this the addresses of vectors that are full of one number: the number itself. */
    private static final long CONSTANTS = 1L << 42;

    private byte[] weights = new byte[0];
    private float[] activations = new float[0];
    private float[] sums = new float[0];

    /** The address of a vector of any width, full of a number of 32 bits. */
    public static long repeated(int bits) {
        return CONSTANTS | bits & 0xffffffffL;
    }

    /** Copies a row of weights in. */
    public void weights(MemorySegment all, long address, int bytes) {
        if (weights.length < bytes) {
            weights = new byte[bytes];
        }
        MemorySegment.copy(all, ValueLayout.JAVA_BYTE, address, weights, 0, bytes);
    }

    /** Copies packed activations in. */
    public void activations(MemorySegment all, long address, int floats) {
        if (activations.length < floats) {
            activations = new float[floats];
        }
        MemorySegment.copy(all, ValueLayout.JAVA_FLOAT_UNALIGNED, address, activations, 0, floats);
    }

    /** The lanes that add up to the row's product. */
    public float[] sums() {
        return sums;
    }

    public byte get(ValueLayout.OfByte layout, long address) {
        return weights[(int) address];
    }

    public short get(ValueLayout.OfShort layout, long address) {
        int at = (int) address;
        return (short) (weights[at] & 255 | weights[at + 1] << 8);
    }

    public int get(ValueLayout.OfInt layout, long address) {
        return word((int) address);
    }

    public long get(ValueLayout.OfLong layout, long address) {
        return word((int) address) & 0xffffffffL | (long) word((int) address + 4) << 32;
    }

    /** A weight's scale. */
    public float get(ValueLayout.OfFloat layout, long address) {
        return Float.intBitsToFloat(word((int) address));
    }

    /** Only the sums. */
    void store(long address, float[] from) {
        if (address != SUMS) {
            throw new IllegalArgumentException("address " + address + " is not that of the sums");
        }
        sums = from;
    }

    private int word(int at) {
        return weights[at] & 255 | (weights[at + 1] & 255) << 8 | (weights[at + 2] & 255) << 16 | weights[at + 3] << 24;
    }

    void floats(long address, float[] to) {
        if (address >= CONSTANTS) {
            Arrays.fill(to, Float.intBitsToFloat((int) address));
        } else if (address == SUMS) {
            System.arraycopy(sums, 0, to, 0, to.length);
        } else if (address >= ACTIVATIONS) {
            System.arraycopy(activations, (int) (address - ACTIVATIONS) >> 2, to, 0, to.length);
        } else {
            for (int i = 0; i < to.length; i++) {
                to[i] = Float.intBitsToFloat(word((int) address + 4 * i));
            }
        }
    }

    void ints(long address, int[] to) {
        if (address >= CONSTANTS) {
            Arrays.fill(to, (int) address);
        } else {
            for (int i = 0, at = (int) address; i < to.length; i++, at += 4) {
                to[i] = weights[at] & 255 | (weights[at + 1] & 255) << 8 | (weights[at + 2] & 255) << 16 | weights[at + 3] << 24;
            }
        }
    }

    void shorts(long address, short[] to) {
        for (int i = 0, at = (int) address; i < to.length; i++, at += 2) {
            to[i] = (short) (weights[at] & 255 | weights[at + 1] << 8);
        }
    }

    void bytes(long address, byte[] to) {
        if (address >= CONSTANTS) {
            for (int i = 0; i < to.length; i++) {
                to[i] = (byte) (address >> 8 * (i & 3));
            }
        } else {
            System.arraycopy(weights, (int) address, to, 0, to.length);
        }
    }
}
