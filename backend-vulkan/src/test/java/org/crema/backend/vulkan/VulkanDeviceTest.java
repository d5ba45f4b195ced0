package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Discovery, memory and failures. */
class VulkanDeviceTest {
    private static final int ROWS = 64;
    private static final int COLUMNS = 128;
    private static final Limits LIMITS = Limits.single(256, 4, 1);
    private static final CompileOptions OPTIONS = new CompileOptions(Precision.F32, Cache.Type.F16, LIMITS);

    private final Arena arena = Arena.ofShared();
    private final Weight weight = new Weight("w", QuantType.F32, 1, ROWS, COLUMNS, arena.allocate(4L * ROWS * COLUMNS, 64));

    @BeforeEach
    void need() {
        Devices.need();
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            weight.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, i / COLUMNS);
        }
    }

    @AfterAll
    static void valid() {
        Devices.valid();
    }

    @AfterEach
    void free() {
        arena.close();
    }

    private static Program program(Weight weight) {
        return program(weight, COLUMNS);
    }

    private static Program program(Weight weight, int columns) {
        Program.Builder builder = new Program.Builder("product");
        Slot in = builder.input("in", Rows.TOKENS, columns, org.crema.kernels.Element.F32);
        Slot out = builder.slot("out", Rows.TOKENS, ROWS);
        return builder.add(new Op.MatMul(out.all(), in.all(), weight)).build(out);
    }

    /** The product of ones: each row's number times the columns. */
    private void works(Executable executable, Program program) {
        Step step = new Step(LIMITS, arena);
        step.addSequence(new int[] {0}, 1);
        step.addToken(0, 0, 0, true);
        MemorySegment ones = arena.allocate(4L * COLUMNS, 4);
        for (int i = 0; i < COLUMNS; i++) {
            ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        executable.begin(step);
        executable.write(program.inputs().getFirst(), ones, 1);
        executable.run(0);
        MemorySegment result = arena.allocate(4L * ROWS, 4);
        executable.read(program.outputs().getFirst(), result, 1);
        for (int r = 0; r < ROWS; r++) {
            assertEquals(r * COLUMNS, result.getAtIndex(ValueLayout.JAVA_FLOAT, r));
        }
    }

    @Test
    void devicesAreNumberedInOneList() {
        Backend.Discovery found = new VulkanBackend().discover();
        for (int i = 0; i < found.devices().size(); i++) {
            DeviceInfo info = found.devices().get(i);
            assertEquals("vulkan:" + i, info.id());
            assertTrue(info.details().keySet().containsAll(List.of("driver", "subgroup", "tuned as")), info
                    .toString());
            assertTrue(info.memoryBytes() > 0);
        }
        DeviceException missing = assertThrows(DeviceException.class, () -> new VulkanBackend().open(found.devices().size(),
                DeviceOptions.DEFAULT));
        assertTrue(missing.getMessage().contains("there is no Vulkan device " + found.devices().size()), missing.getMessage());
    }

    @Test
    void outOfMemoryLeavesNothingBehind() {
        Program program = program(weight);
        try (GpuDevice measure = Devices.open()) {
            long need = measure.footprint(List.of(program), OPTIONS).total();
            try (GpuDevice device = Devices.open(new DeviceOptions(0, need), null)) {
                Executable first = device.compile(List.of(program), OPTIONS);
                assertEquals(need, device.used());
                DeviceException.OutOfMemory thrown = assertThrows(DeviceException.OutOfMemory.class, () -> device.compile(List.of(
                        program), OPTIONS).close());
                assertEquals(need, thrown.need());
                assertEquals(0, thrown.have());
                assertTrue(thrown.getMessage().contains("shorter context"), thrown.getMessage());
                assertEquals(need, device.used());
                works(first, program);
                first.close();
                assertEquals(0, device.used());
                try (Executable again = device.compile(List.of(program), OPTIONS)) {
                    works(again, program);
                }
            }
        }
    }

    @Test
    void plannedWeightsTakeWhatLoadedOnesDoButCannotRun() {
        Program planned = program(new Weight("w", QuantType.F32, 1, ROWS, COLUMNS, MemorySegment.NULL));
        try (GpuDevice device = Devices.open()) {
            assertEquals(device.footprint(List.of(program(weight)), OPTIONS), device.footprint(List.of(planned), OPTIONS));
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(planned), OPTIONS).close());
            assertTrue(thrown.getMessage().contains("has no data"), thrown.getMessage());
        }
    }

    @Test
    void weightsOfAProcessorAreUsedWhereTheyAre() {
        List<Long> progress = new ArrayList<>();
        Program program = program(weight);
        try (GpuDevice device = Devices.open()) {
            Device.Footprint footprint = device.footprint(List.of(program), OPTIONS);
            assertEquals(device.info().kind() == DeviceInfo.Kind.HOST ? 0 : weight.bytes(), footprint.weights());
            try (Executable executable = device.compile(List.of(program), OPTIONS.withProgress(progress::add))) {
                works(executable, program);
            }
        }
        assertEquals(List.of(weight.bytes()), progress);
    }

    @Test
    void weightsOnTheHeapAndAtOddAddressesAreCopied() {
        MemorySegment heap = MemorySegment.ofArray(weight.data().toArray(ValueLayout.JAVA_BYTE));
        MemorySegment odd = arena.allocate(4L * ROWS * COLUMNS + 1, 64).asSlice(1).copyFrom(weight.data());
        for (MemorySegment data : List.of(heap, odd)) {
            Program program = program(new Weight("w", QuantType.F32, 1, ROWS, COLUMNS, data));
            try (GpuDevice device = Devices.open()) {
                assertEquals(weight.bytes(), device.footprint(List.of(program), OPTIONS).weights());
                try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                    works(executable, program);
                }
            }
        }
    }

    @Test
    void tensorTypesWithoutShadersAreRefused() {
        Program program = program(new Weight("w", QuantType.IQ2_XS, 1, ROWS, 256, MemorySegment.NULL), 256);
        try (GpuDevice device = Devices.open()) {
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
        try (GpuDevice device = Devices.open()) {
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
            Slot in = builder.input("in", Rows.TOKENS, count * columns, org.crema.kernels.Element.F32);
            Slot out = builder.slot("out", Rows.TOKENS, count * rows);
            Program program = builder.add(new Op.HeadMatMul(out.groups(count), in.groups(count), large, false)).build(out);
            try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                Step step = new Step(LIMITS, arena);
                step.addSequence(new int[] {0}, 1);
                step.addToken(0, 0, 0, true);
                MemorySegment ones = arena.allocate(4L * count * columns, 4);
                for (int i = 0; i < count * columns; i++) {
                    ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
                }
                executable.begin(step);
                executable.write(in, ones, 1);
                executable.run(0);
                MemorySegment result = arena.allocate(4L * count * rows, 4);
                executable.read(out, result, 1);
                assertEquals(columns, result.getAtIndex(ValueLayout.JAVA_FLOAT, (long) count * rows - 1));
                assertEquals(0, result.getAtIndex(ValueLayout.JAVA_FLOAT, 0));
            }
        }
    }

    @Test
    void tokensOutsideTheVocabulary() {
        Program.Builder builder = new Program.Builder("embed");
        Slot out = builder.slot("out", Rows.TOKENS, COLUMNS);
        Program program = builder.add(new Op.Embed(out.all(), weight)).build(out);
        Step step = new Step(LIMITS, arena);
        step.addSequence(new int[] {0}, 1);
        step.addToken(0, ROWS, 0, false);
        try (GpuDevice device = Devices.open(); Executable executable = device.compile(List.of(program), OPTIONS)) {
            DeviceException thrown = assertThrows(DeviceException.class, () -> executable.begin(step));
            assertTrue(thrown.getMessage().contains("vocabulary of " + ROWS), thrown.getMessage());
        }
    }

    @Test
    void closedMemoryIsNotTouched() {
        Arena own = Arena.ofShared();
        Program program = program(new Weight("w", QuantType.F32, 1, ROWS, COLUMNS, own.allocate(4L * ROWS * COLUMNS, 64)));
        try (GpuDevice device = Devices.open()) {
            Executable executable = device.compile(List.of(program), OPTIONS);
            own.close();
            if (device.info().kind() == DeviceInfo.Kind.HOST) {
                assertThrows(IllegalStateException.class, () -> executable.run(0));
            }
            executable.close();
            assertThrows(IllegalStateException.class, () -> executable.run(0));
        }
    }
}
