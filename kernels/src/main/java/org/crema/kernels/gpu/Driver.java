package org.crema.kernels.gpu;

import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Op;
import org.crema.kernels.Support;

/**
 * An open device as the binding of its driver offers it. All that a GPU backend has of its own is behind this: what is decided for
 * all of them is in {@link GpuDevice}. Methods throw the binding's own exceptions, and {@link org.crema.kernels.DeviceException}
 * where there is more to say.
 */
public interface Driver extends AutoCloseable {
    /** The device as it is now, its free memory included. */
    DeviceInfo info();

    Tuning tuning();

    Capacity capacity();

    /** Which optional kernels there are. */
    default Features features() {
        return Features.NONE;
    }

    /** Whether there are kernels for an op, its types and shapes. Sizes of memory are checked elsewhere. */
    Support supports(Op op);

    /** @param profile whether its parts tell the times of their calls */
    Queue<?> queue(boolean profile);

    /** Whether an exception is the binding's own. */
    boolean failure(RuntimeException thrown);

    /** Whether an exception of the binding says that the device's memory is too small. */
    boolean outOfMemory(RuntimeException thrown);

    @Override
    void close();
}
