package org.crema.backend.opencl;

import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.conformance.ConformanceKit;
import org.crema.kernels.gpu.Tuning;
import org.junit.jupiter.api.BeforeAll;

/** Processors of many cores, whose work-groups have fewer rows. Every type goes the same way; some stand for all. */
class ManyCoresConformanceTest extends ConformanceKit {
    private static final String SAMPLE = "MatMul/(Q4_K|Q6_K)/|MatMul/(IQ2_S|F16)/257x|HeadMatMul/Q6_K|ExpertMatMul/Q4_K/|"
            + "Fused/.*(Q4_K|sum).*/|Layer/.*/Q4_K_M";

    @BeforeAll
    static void need() {
        Devices.need();
    }

    @Override
    protected Device device() {
        return Devices.open(DeviceOptions.DEFAULT, Tuning.processor(64));
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? SAMPLE : super.only();
    }
}
