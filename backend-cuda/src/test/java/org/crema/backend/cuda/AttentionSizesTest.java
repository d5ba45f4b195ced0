package org.crema.backend.cuda;

import org.crema.kernels.Device;
import org.crema.kernels.conformance.ConformanceKit;
import org.junit.jupiter.api.BeforeAll;

/** Attention with the sizes of real models, which tiny shapes leave out: heads that do not fit a block, values in several stripes. */
class AttentionSizesTest extends ConformanceKit {
    @BeforeAll
    static void need() {
        Emulated.need();
    }

    @Override
    protected Device device() {
        return Emulated.open();
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? "Attention" : super.only();
    }
}
