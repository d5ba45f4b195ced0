package org.crema.kernels;

import java.util.List;

/** An open device. Thread-safe; executables are not. */
public interface Device extends AutoCloseable {
    DeviceInfo info();

    /** Whether this device can run the op with its types and shapes. Asks no environment variable and has no side effect. */
    Support supports(Op op, CompileOptions options);

    /**
     * Device memory that {@link #compile} would take, from shapes alone.
     *
     * @param parts the segments of this device, in the order in which they run
     */
    Footprint footprint(List<Program> parts, CompileOptions options);

    /**
     * Makes the programs ready to run: copies weights where the device needs them, allocates caches and scratch.
     *
     * @param parts the segments of this device, in the order in which they run; slots with the same identity are the same memory
     * @throws DeviceException.OutOfMemory with nothing left allocated
     * @throws DeviceException if an op is not supported, with the reason
     */
    Executable compile(List<Program> parts, CompileOptions options);

    /**
     * Measures what the device reaches at best, with kernels of its own that do nothing else; takes about half a second. To be
     * asked anew with every benchmark: clocks and neighbours change.
     */
    Rates measure();

    /**
     * Measures how fast tensors come from main memory to the device, in bytes per second: what {@link CompileOptions#streamed}
     * tensors cost. Infinite where they are used as they are mapped.
     */
    default double measureUpload() {
        return Double.POSITIVE_INFINITY;
    }

    /** Frees the device; its executables must be closed before. */
    @Override
    void close();

    /**
     * Bytes on a device.
     *
     * @param weights copies of tensors that stay, 0 where they are used as they are mapped
     * @param caches all cache pages
     * @param scratch slots
     * @param staging anything else: step blocks, partial sums, memory that streamed tensors come to, host buffers that the device
     *     can read
     */
    record Footprint(long weights, long caches, long scratch, long staging) {
        public long total() {
            return weights + caches + scratch + staging;
        }
    }
}
