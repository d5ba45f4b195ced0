package org.crema.model.oracle;

import java.util.stream.Stream;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.model.runtime.Devices;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The CPU backend on every golden model, prompts in one step and in several. */
class CpuLogitsTest {
    private static Device device() {
        return Devices.open("cpu", DeviceOptions.DEFAULT);
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return OracleLogits.tests(CpuLogitsTest::device, Precision.F32, 1e-4, 512);
    }

    @TestFactory
    Stream<DynamicTest> exactInSmallSteps() {
        return OracleLogits.tests(CpuLogitsTest::device, Precision.F32, 1e-4, 3);
    }

    @TestFactory
    Stream<DynamicTest> fast() {
        return OracleLogits.comparedWithPeer(CpuLogitsTest::device, 512);
    }

    /** As answers are written: products of one row, rounded otherwise than those of many. */
    @TestFactory
    Stream<DynamicTest> fastOneByOne() {
        return OracleLogits.comparedWithPeer(CpuLogitsTest::device, 1);
    }
}
