package org.crema.kernels;

/**
 * How to open a device.
 *
 * @param threads threads of a CPU device; 0 for its own choice
 * @param memoryLimit pretend that the device has only so many bytes; {@link Long#MAX_VALUE} for what it has
 */
public record DeviceOptions(int threads, long memoryLimit) {
    public static final DeviceOptions DEFAULT = new DeviceOptions(0, Long.MAX_VALUE);

    public DeviceOptions {
        if (threads < 0 || memoryLimit < 0) {
            throw new IllegalArgumentException(
                    "threads " + threads + " and memory limit " + memoryLimit + " must not be negative");
        }
    }
}
