package org.crema.backend.cpu.kernel;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Has soft vectors, with the same bits, do the work of a program's first moment. Vector code is compiled by C2 or it is a hundred times
 * slower, and C2 takes a second or two for the kernels of a model: too long for a first token, while soft vectors, which C1 compiles, need
 * a quarter of a second for it. What is run soft is not compiled, so that moment has to be short: it ends with the first step, or after
 * {@value #MOST_MILLIS} ms of it.
 *
 * <p>This helps only if C2 leaves soft vectors alone, which takes options of the JVM; so whoever sets those turns it on (the launcher does).
 */
public final class Starter {
    /** System property: {@code soft} begins with soft vectors, {@code vectors}, the default, with kernels, compiled or not. */
    public static final String PROPERTY = "crema.cpu.start";

    private static final int MOST_MILLIS = 500;

    private static final boolean SOFT = soft(System.getProperty(PROPERTY, "vectors"));

    private static final CountDownLatch STEP = new CountDownLatch(1);
    private static boolean begun;
    private static volatile boolean soft;

    private Starter() {}

    private static boolean soft(String start) {
        return switch (start) {
            case "soft" -> true;
            case "vectors" -> false;
            default -> throw new IllegalArgumentException(PROPERTY + " must be soft or vectors, not " + start);
        };
    }

    /** Whether soft vectors do the work now. */
    public static boolean soft() {
        return soft;
    }

    /** Tells that a step begins. The first one of the JVM begins soft, if that is turned on. */
    public static void stepBegins() {
        if (SOFT && !begun) {
            begin(Duration.ofMillis(MOST_MILLIS));
        }
    }

    /** The same, whatever the property says, and for so long at most. */
    static synchronized void begin(Duration most) {
        if (begun) {
            return;
        }
        begun = true;
        soft = true;
        Thread thread = new Thread(() -> end(most), "crema-cpu-start");
        thread.setDaemon(true);
        thread.start();
    }

    /** Tells that a step has been done. */
    public static void stepDone() {
        STEP.countDown();
    }

    private static void end(Duration most) {
        try {
            STEP.await(most.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        soft = false;
    }

    /** Does some work by soft vectors, if {@code soft}, else by kernels, as tests of both do. */
    static void with(boolean soft, Runnable work) {
        Starter.soft = soft;
        try {
            work.run();
        } finally {
            Starter.soft = false;
        }
    }
}
