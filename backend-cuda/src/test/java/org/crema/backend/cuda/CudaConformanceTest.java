package org.crema.backend.cuda;

import org.crema.kernels.Device;
import org.crema.kernels.conformance.ConformanceKit;
import org.junit.jupiter.api.BeforeAll;

/** Every op and type on the emulated device; a warp runs to its next barrier before another does anything. */
class CudaConformanceTest extends ConformanceKit {
    @BeforeAll
    static void need() {
        Emulated.need();
    }

    @Override
    protected Device device() {
        return Emulated.open();
    }

    @Override
    protected Size size() {
        return Size.TINY;
    }

}
