package org.crema.backend.cpu.kernel;

/** A form of activations that products of few rows want them in: another order, or other numbers. Equal forms are the same object. */
public interface Activations {
    /** Whether packed activations are the activations: {@link #pack} may be left out and the original passed instead. */
    boolean isPlain();

    /** Bytes that a packed vector takes. */
    long packedBytes(int columns);

    /** Packs a vector of {@code columns} floats at address {@code x} to {@link #packedBytes} bytes at address {@code packed}. */
    void pack(long x, int columns, long packed);
}
