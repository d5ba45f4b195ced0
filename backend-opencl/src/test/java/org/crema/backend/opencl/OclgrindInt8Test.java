package org.crema.backend.opencl;

import java.util.List;
import org.crema.kernels.Precision;

/** What only runs with activations in int8. */
class OclgrindInt8Test extends OclgrindTest {
    private static final String SAMPLE = "Fused/(joint|feed-forward( of experts)?|output of experts(, residual)?)/Q4_K/|MatMul/(Q6_K|IQ2_XS)/17x.*/b[1-7]$";

    @Override
    protected String only() {
        return super.only().equals(OclgrindTest.SAMPLE) ? SAMPLE : super.only();
    }

    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.FAST);
    }
}
