package org.crema;

/** A prompt does not fit into the context. */
public final class ContextException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ContextException(int tokens, int context, int trained) {
        super("the prompt has " + tokens + " tokens, the context " + context
                + " (one must be left for the answer); shorten it, or load the"
                + " model with a larger context (it was trained for " + trained + ")");
    }
}
