package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Set;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Executable;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.GpuDeviceKit;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class VulkanDeviceTest extends GpuDeviceKit {
    @Override
    protected Backend backend() {
        return new VulkanBackend();
    }

    @Override
    protected String kind() {
        return "Vulkan";
    }

    @Override
    protected Set<String> details() {
        return Set.of("driver", "subgroup", "tuned as");
    }

    @Override
    protected GpuDevice open(DeviceOptions options) {
        return Devices.open(options, null);
    }

    @AfterAll
    static void valid() {
        Devices.valid();
    }

    @Test
    void tensorTypesWithoutShadersAreRefused() {
        Program program = program(new Weight("w", QuantType.IQ2_XS, 1, ROWS, 256, MemorySegment.NULL));
        try (GpuDevice device = open()) {
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(program), OPTIONS).close());
            // The interpreter is the only other backend on this class path.
            assertTrue(thrown.getMessage().contains("no shader for IQ2_XS; backends that take it: reference"),
                    thrown.getMessage());
            assertEquals(1, thrown.getMessage().lines().count());
        }
    }

    /** The last matrix lies beyond what a binding may span: weights are read by their addresses. */
    @Test
    void weightsLargerThanABinding() {
        int count = 3;
        try (GpuDevice device = open()) {
            int columns = 1 << 14;
            long binding = Long.parseLong(device.info().details().get("largest binding").replaceAll("\\D", "")) << 20;
            assumeTrue(binding <= 256L << 20, "a binding spans " + (binding >> 20) + " MiB here, which is too much for a test");
            int rows = (int) Math.ceilDiv(binding, 2L * columns) / 2 + 1;
            Weight large = new Weight("large", QuantType.F16, count, rows, columns,
                    arena.allocate(2L * count * rows * columns, 64));
            assertTrue(large.bytes() > binding);
            long last = large.offset(count - 1, rows - 1);
            for (int c = 0; c < columns; c++) {
                large.data().set(ValueLayout.JAVA_SHORT, last + 2L * c, Float.floatToFloat16(1));
            }
            Program.Builder builder = new Program.Builder("heads");
            Slot in = builder.input("in", Rows.TOKENS, count * columns, Element.F32);
            Slot out = builder.slot("out", Rows.TOKENS, count * rows);
            Program program = builder.add(new Op.HeadMatMul(out.groups(count), in.groups(count), large, false)).build(out);
            try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                executable.begin(step(1));
                executable.write(in, ones(count * columns), 1);
                executable.run(0);
                MemorySegment result = arena.allocate(4L * count * rows, 4);
                executable.read(out, result, 1);
                assertEquals(columns, result.getAtIndex(ValueLayout.JAVA_FLOAT, (long) count * rows - 1));
                assertEquals(0, result.getAtIndex(ValueLayout.JAVA_FLOAT, 0));
            }
        }
    }
}
