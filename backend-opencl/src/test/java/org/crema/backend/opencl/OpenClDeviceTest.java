package org.crema.backend.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Routing;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.GpuDeviceKit;
import org.crema.kernels.gpu.Tuning;
import org.junit.jupiter.api.Test;

class OpenClDeviceTest extends GpuDeviceKit {
    @Override
    protected Backend backend() {
        return new OpenClBackend();
    }

    @Override
    protected String kind() {
        return "OpenCL";
    }

    @Override
    protected Set<String> details() {
        return Set.of("platform", "driver", "compute units", "tuned as");
    }

    @Override
    protected GpuDevice open(DeviceOptions options) {
        return Devices.open(options, null);
    }

    @Test
    void rowsOfAWorkItemNeedAGroupOfItsOwn() {
        assertThrows(IllegalArgumentException.class,
                () -> new Tuning("broken", 1, 16, 16, 64, false, true, Tuning.OTHER.gemm(), 64,
                        64, 32, 64, 64, 4));
    }

    @Test
    void kernelsThatCannotBeBuiltShowTheLog() {
        Tuning broken = new Tuning("broken", 1, 1, 1, 64, true, false, Tuning.PROCESSOR.gemm(), 16, 16, -7, 1, 16, 4);
        try (GpuDevice device = Devices.open(DeviceOptions.DEFAULT, broken)) {
            Program.Builder builder = new Program.Builder("gate");
            Slot in = builder.input("in", Rows.TOKENS, COLUMNS, Element.F32);
            Slot ids = builder.slot("ids", Rows.TOKENS, 2, Element.I32);
            Slot weights = builder.slot("weights", Rows.TOKENS, 2);
            Program program = builder
                    .add(new Op.GateExperts(ids.all(), weights.all(), in.all(), weight, Optional.empty(),
                            Routing.plain(Routing.Scoring.SOFTMAX, ROWS, 2, false, 1)))
                    .build(ids);
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(program), OPTIONS).close());
            assertTrue(thrown.getMessage().contains("experts.cl") && thrown.getMessage().contains("error"), thrown.getMessage());
            assertEquals(0, device.used());
        }
    }
}
