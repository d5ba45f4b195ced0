package org.crema.model.runtime;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.crema.kernels.DeviceException;

/**
 * Work that another thread does meanwhile.
 *
 * @param <T> what comes of it
 */
public final class Background<T> {
    private final FutureTask<T> task;

    private Background(FutureTask<T> task) {
        this.task = task;
    }

    /** Begins. */
    public static <T> Background<T> start(String name, Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        Thread thread = new Thread(task, "crema-" + name);
        thread.setDaemon(true);
        thread.start();
        return new Background<>(task);
    }

    /** Waits for it; throws what it threw. */
    public T get() {
        try {
            return task.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeviceException("interrupted while a model was loaded", e);
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException thrown -> throw thrown;
                case Error thrown -> throw thrown;
                default -> throw new IllegalStateException(e.getCause());
            }
        }
    }

    /** Waits for it, since something else went wrong; what it threw is added to that. */
    public void join(RuntimeException cause) {
        try {
            get();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }
}
