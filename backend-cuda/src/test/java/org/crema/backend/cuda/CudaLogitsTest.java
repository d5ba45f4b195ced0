package org.crema.backend.cuda;

import java.util.stream.Stream;
import org.crema.kernels.Precision;
import org.crema.model.oracle.OracleLogits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Golden models with all their layers on the emulated device: one for each kind of quantisation and architecture, as the rest would take it
 * ten minutes; {@code -Dlogits=all} runs all. Prompts of some also in many small steps.
 */
class CudaLogitsTest {
    private static final String SAMPLE = "v2-full-(Q2_K|Q3_K_M|IQ1_M|IQ2_XS-split-.*)|v2-lite-ragged-(IQ2_XS|Q4_K_M)|v3-Q4_K_M";
    private static final String SMALL_STEPS = "v2-lite-ragged-IQ2_XS|v3-Q4_K_M";
    private static final boolean ALL = System.getProperty("logits", "").equals("all");

    @BeforeAll
    static void need() {
        Emulated.need();
    }

    private static boolean wanted(OracleLogits.OracleModel model) {
        return ALL || model.name().matches(SAMPLE);
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return OracleLogits.tests(Emulated::open, Precision.F32, 1e-4, 512, CudaLogitsTest::wanted);
    }

    @TestFactory
    Stream<DynamicTest> exactInSmallSteps() {
        return OracleLogits.tests(Emulated::open, Precision.F32, 1e-4, 7, model -> model.name().matches(SMALL_STEPS));
    }

    @TestFactory
    Stream<DynamicTest> fast() {
        return OracleLogits.tests(Emulated::open, Precision.FAST, 0, 512, CudaLogitsTest::wanted);
    }
}
