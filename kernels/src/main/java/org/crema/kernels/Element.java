package org.crema.kernels;

/** What a {@link Slot} holds; both take four bytes. */
public enum Element {
    F32,
    I32
}
