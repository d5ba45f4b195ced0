package org.crema.backend.opencl;

import java.util.List;
import org.crema.kernels.Device;
import org.crema.kernels.Precision;
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

    /** On a processor both are the same; activations in int8 are for GPUs, see GpuTuningConformanceTest. */
    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
