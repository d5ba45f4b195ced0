package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.crema.kernels.Device;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.ConformanceKit;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/**
 * A sample with subgroups of four work-items instead of eight: whatever sums over subgroups, for a type or two. Run by an execution of
 * its own, whose environment sets lavapipe's vector width.
 */
@Tag("subgroups")
class SubgroupsConformanceTest extends ConformanceKit {
    private static final String WIDTH = "LP_NATIVE_VECTOR_WIDTH";
    private static final String SAMPLE = "MatMul/(Q4_K|F16|Q5_0)/(17|257)x|HeadMatMul/(Q6_K|F32)|ExpertMatMul/Q4_K/|"
            + "GateExperts/(lite|v3|ties|a NaN)|RmsNorm/shape|Attention/F16/.*(MIXED|lengths)|LatentAttention/F16/2x|"
            + "Fused/.*(Q4_K|sum)/|Layer/deepseek2/plain/";

    @BeforeAll
    static void need() {
        boolean wanted = System.getenv(WIDTH) != null;
        assumeTrue(wanted, "runs in an execution of its own, with another vector width");
        Devices.need();
        assumeTrue(Devices.lavapipe(), "only lavapipe has a vector width to choose");
    }

    @AfterAll
    static void valid() {
        Devices.valid();
    }

    @Override
    protected Device device() {
        Device device = Devices.open();
        assertEquals(Integer.parseInt(System.getenv(WIDTH)) / Float.SIZE + " work-items",
                device.info().details().get("subgroup"));
        return device;
    }

    @Override
    protected boolean expectedSupport(Class<? extends Op> op, QuantType type) {
        return Spirv.decodes(type);
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? SAMPLE : super.only();
    }

    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
