package org.crema.backend.cuda;

import java.util.stream.Stream;
import org.crema.kernels.Precision;
import org.crema.model.oracle.OracleLogits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Every golden model with all its layers on the emulated device; prompts of some also in many small steps, which take it long. */
class CudaLogitsTest {
    private static final String SAMPLE = "v2-lite-ragged-IQ2_XS|v3-Q4_K_M|v2-full-IQ2_XS-split-.*";

    @BeforeAll
    static void need() {
        Emulated.need();
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return OracleLogits.tests(Emulated::open, Precision.F32, 1e-4, 512);
    }

    @TestFactory
    Stream<DynamicTest> exactInSmallSteps() {
        return OracleLogits.tests(Emulated::open, Precision.F32, 1e-4, 7, model -> model.name().matches(SAMPLE));
    }

    @TestFactory
    Stream<DynamicTest> fast() {
        return OracleLogits.tests(Emulated::open, Precision.FAST, 0, 512);
    }
}
