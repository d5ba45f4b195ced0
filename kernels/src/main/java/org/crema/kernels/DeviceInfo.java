package org.crema.kernels;

import java.util.Map;

/**
 * A device that can be opened.
 *
 * @param backend name of its backend
 * @param index number among the backend's devices
 * @param name the device's own name
 * @param kind where its memory is
 * @param memoryBytes memory in all
 * @param freeBytes memory that is free now; an estimate
 * @param details what else a user may want to know (driver, vector width, …), in the order to print
 */
public record DeviceInfo(String backend, int index, String name, Kind kind, long memoryBytes, long freeBytes,
        Map<String, String> details) {
    /** What the planner needs to know about a device's memory. */
    public enum Kind {
        /** Computes in main memory: weights can be used where they are mapped. */
        HOST,
        /** A processor of its own that shares main memory. */
        INTEGRATED,
        /** Memory of its own. */
        DISCRETE
    }

    /** As given to {@code --device}: {@code cpu}, {@code cuda:0}. */
    public String id() {
        return backend.equals("cpu") || backend.equals("reference") ? backend : backend + ":" + index;
    }
}
