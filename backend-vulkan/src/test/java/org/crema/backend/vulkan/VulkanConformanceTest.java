package org.crema.backend.vulkan;

import java.util.List;
import org.crema.kernels.Device;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.ConformanceKit;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Every op and type, as the device itself would be used. */
class VulkanConformanceTest extends ConformanceKit {
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
        return Devices.open();
    }

    @Override
    protected boolean expectedSupport(Class<? extends Op> op, QuantType type) {
        return Spirv.decodes(type);
    }

    /** This backend computes the same way with both. */
    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
