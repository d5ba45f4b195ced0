package org.crema;

/** Stops a request from another thread. Thread-safe; cannot be undone. */
public final class Cancellation {
    private volatile boolean cancelled;

    /** The request ends after the step that is being computed. */
    public void cancel() {
        cancelled = true;
    }

    public boolean cancelled() {
        return cancelled;
    }
}
