package org.crema.backend.opencl;

import org.crema.kernels.Device;
import org.crema.kernels.conformance.ConformanceKit;
import org.junit.jupiter.api.BeforeAll;

/** Every op and type, as the device itself would be used. */
class OpenClConformanceTest extends ConformanceKit {
    @BeforeAll
    static void need() {
        Devices.need();
    }

    @Override
    protected Device device() {
        return Devices.open();
    }
}
