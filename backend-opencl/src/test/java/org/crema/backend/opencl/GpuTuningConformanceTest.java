package org.crema.backend.opencl;

import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.conformance.ConformanceKit;
import org.junit.jupiter.api.BeforeAll;

/**
 * The paths of GPUs, whatever the device: several work-items for a row, tiles through local memory, sums across work-groups. Every
 * type has the same ones over its own decode function, so some types stand for all.
 */
class GpuTuningConformanceTest extends ConformanceKit {
    private static final String SAMPLE = "MatMul/(Q4_K|F16)/|MatMul/(IQ2_S|Q5_0)/257x|HeadMatMul/(Q6_K|F32)|"
            + "ExpertMatMul/(Q4_K|Q5_0)/|GateExperts/(lite|v2|v3|odd|group|ties|NaN|a NaN)|RmsNorm/(shape|in place)|"
            + "Attention/F16|Attention/Q8_0/.*/MIXED|(Add|SwiGlu)/3x64|Fused/.*(Q4_K|Q5_0|sum|choice|append).*/|Layer/.*/Q4_K_M";

    @BeforeAll
    static void need() {
        Devices.need();
    }

    @Override
    protected Device device() {
        return Devices.open(DeviceOptions.DEFAULT, Tuning.OTHER);
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? SAMPLE : super.only();
    }
}
