package org.crema.kernels.gpu;

/** Calls that are ready to run. */
public interface Part {
    /**
     * Puts those calls into the queue that a step needs.
     *
     * @throws org.crema.kernels.DeviceException naming the call that failed
     */
    void run(Counts counts);

    /**
     * Adds the device's nanoseconds of each call, of all runs since this was last asked; all must have finished.
     *
     * @param nanos for each call of the part; stays as it is without {@code profile}
     */
    void addTimes(long[] nanos);
}
