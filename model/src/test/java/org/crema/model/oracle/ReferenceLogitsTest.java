package org.crema.model.oracle;

import java.util.stream.Stream;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.model.runtime.Devices;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The reference interpreter gives the goldens' logits, up to the rounding of F32. */
class ReferenceLogitsTest {
    private static Device device() {
        return Devices.open("reference", DeviceOptions.DEFAULT);
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return OracleLogits.tests(ReferenceLogitsTest::device, Precision.F32, 1e-6, 16);
    }
}
