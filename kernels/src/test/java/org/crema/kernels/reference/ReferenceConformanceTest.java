package org.crema.kernels.reference;

import java.util.List;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.ConformanceKit;

/** The reference against itself: every case can be built and run, and cutting changes nothing. */
class ReferenceConformanceTest extends ConformanceKit {
    @Override
    protected Device device() {
        return new ReferenceBackend().open(0, DeviceOptions.DEFAULT);
    }

    /** It knows only one. */
    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
