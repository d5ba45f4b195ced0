package org.crema.backend.opencl;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.crema.kernels.Backend;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.Tuning;

/** The device of the tests: the first there is. */
final class Devices {
    private static final Backend.Discovery FOUND = new OpenClBackend().discover();

    private Devices() {}

    /** Skips the test where there is no device, with the reason; where {@code CI=true} there has to be one. */
    static void need() {
        boolean there = !FOUND.devices().isEmpty();
        String reason = "no OpenCL device: " + FOUND.rejections();
        if ("true".equals(System.getenv("CI"))) {
            assertTrue(there, reason);
        }
        assumeTrue(there, reason);
    }

    /** @param tuning null for the device's own */
    static GpuDevice open(DeviceOptions options, Tuning tuning) {
        need();
        return OpenClBackend.open(0, options, tuning);
    }

    static GpuDevice open() {
        return open(DeviceOptions.DEFAULT, null);
    }
}
