package org.crema.backend.vulkan;

import org.crema.kernels.Device;
import org.crema.kernels.conformance.ConformanceKit;
import org.crema.kernels.Op;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * The paths of GPUs, whatever the device: copies through staging memory, groups of several subgroups, tiles through shared memory,
 * sums across work-groups, no F64. Every
 * type has the same ones over its own decode function, so some types stand for all.
 */
class GpuTuningConformanceTest extends ConformanceKit {
    private static final String SAMPLE = "MatMul/(Q4_K|F16)/|MatMul/(Q3_K|Q5_0)/257x|^MatMul/[A-Z0-9_]+/17x|HeadMatMul/(Q6_K|F32)|"
            + "ExpertMatMul/(Q4_K|Q5_0)/|GateExperts/(lite|v2|v3|odd|group|ties|NaN|a NaN)|RmsNorm/(shape|in place)|"
            + "Attention/F16|Attention/Q8_0/.*/MIXED|(Add|SwiGlu)/3x64|Fused/.*(Q4_K|Q5_0|sum)/|Layer/.*/Q4_K_M";

    @BeforeAll
    static void need() {
        Devices.need();
    }

    @AfterAll
    static void valid() {
        Devices.valid();
    }

    @Override
    protected Device device() {
        return Devices.discrete();
    }

    @Override
    protected boolean expectedSupport(Class<? extends Op> op, QuantType type) {
        return Spirv.decodes(type);
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? SAMPLE : super.only();
    }
}
