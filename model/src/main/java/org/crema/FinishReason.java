package org.crema;

/** Why an answer ended. */
public enum FinishReason {
    /** The model ended it, or a stop string came. */
    STOP,
    /** The wanted number of tokens, or the context, is full. */
    LENGTH,
    /** The caller cancelled it. */
    CANCELLED
}
