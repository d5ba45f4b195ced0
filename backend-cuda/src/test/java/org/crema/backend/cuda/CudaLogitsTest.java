package org.crema.backend.cuda;

import java.util.function.Predicate;
import java.util.stream.Stream;
import org.crema.kernels.Precision;
import org.crema.model.oracle.OracleLogits;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Golden models with all their layers on the emulated device: each kind of quantisation and architecture in one precision at least, as the
 * rest would take it ten minutes; {@code -Dlogits=all} runs all in both. Prompts of some also in many small steps.
 */
class CudaLogitsTest {
    private static final String EXACT = "v2-full-(Q2_K|IQ1_M|IQ2_XS-split-.*)|v2-lite-ragged-Q4_K_M|v3-Q4_K_M";
    private static final String FAST = "v2-full-(Q3_K_M|IQ2_XS-split-.*)|v2-lite-ragged-(IQ2_XS|Q4_K_M)";
    private static final String SMALL_STEPS = "v2-lite-ragged-IQ2_XS|v3-Q4_K_M";
    private static final boolean ALL = System.getProperty("logits", "").equals("all");

    @BeforeAll
    static void need() {
        Emulated.need();
    }

    private static Predicate<OracleLogits.OracleModel> wanted(String sample) {
        return model -> ALL || model.name().matches(sample);
    }

    @TestFactory
    Stream<DynamicTest> exact() {
        return OracleLogits.tests(Emulated::open, Precision.F32, 1e-4, 512, wanted(EXACT));
    }

    @TestFactory
    Stream<DynamicTest> exactInSmallSteps() {
        return OracleLogits.tests(Emulated::open, Precision.F32, 1e-4, 7, model -> model.name().matches(SMALL_STEPS));
    }

    @TestFactory
    Stream<DynamicTest> fast() {
        return OracleLogits.tests(Emulated::open, Precision.FAST, 0, 512, wanted(FAST));
    }
}
