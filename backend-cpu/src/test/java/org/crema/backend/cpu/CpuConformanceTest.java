package org.crema.backend.cpu;

import java.util.List;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.ConformanceKit;
import org.junit.jupiter.api.Tag;

@Tag("width")
class CpuConformanceTest extends ConformanceKit {
    @Override
    protected Device device() {
        return new CpuBackend().open(0, DeviceOptions.DEFAULT);
    }

    /** Vectors wider than the machine's are objects, and slow. */
    @Override
    protected Size size() {
        return VectorSupport.PRESENT && Lanes.BEST.bits() > VectorLanes.widest() ? Size.TINY : super.size();
    }

    /** This backend computes the same way with both. */
    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
