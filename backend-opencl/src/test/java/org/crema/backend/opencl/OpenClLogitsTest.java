package org.crema.backend.opencl;

import java.util.stream.Stream;
import org.crema.kernels.Precision;
import org.crema.model.oracle.OracleLogits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every golden model with all its layers on an OpenCL device, prompts in one step and in several. */
class OpenClLogitsTest {
    @BeforeAll
    static void need() {
        Devices.need();
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return OracleLogits.tests(Devices::open, Precision.F32, 1e-4, 512);
    }

    @TestFactory
    Stream<DynamicTest> exactInSmallSteps() {
        return OracleLogits.tests(Devices::open, Precision.F32, 1e-4, 3);
    }

    @TestFactory
    Stream<DynamicTest> fast() {
        return OracleLogits.tests(Devices::open, Precision.FAST, 0, 512);
    }
}
