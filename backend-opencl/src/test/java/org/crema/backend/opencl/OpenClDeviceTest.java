package org.crema.backend.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Discovery, memory and failures. */
class OpenClDeviceTest {
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

    @AfterEach
    void free() {
        arena.close();
    }

    private static Program program(Weight weight) {
        Program.Builder builder = new Program.Builder("product");
        Slot in = builder.input("in", Rows.TOKENS, COLUMNS, org.crema.kernels.Element.F32);
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
        Backend.Discovery found = new OpenClBackend().discover();
        for (int i = 0; i < found.devices().size(); i++) {
            DeviceInfo info = found.devices().get(i);
            assertEquals("opencl:" + i, info.id());
            assertTrue(info.details().keySet().containsAll(List.of("platform", "driver", "compute units", "tuned as")), info
                    .toString());
            assertTrue(info.memoryBytes() > 0);
        }
        DeviceException missing = assertThrows(DeviceException.class, () -> new OpenClBackend().open(found.devices().size(),
                DeviceOptions.DEFAULT));
        assertTrue(missing.getMessage().contains("there is no OpenCL device " + found.devices().size()), missing.getMessage());
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
    void kernelsThatCannotBeBuiltShowTheLog() {
        Tuning broken = new Tuning("broken", 1, 1, 16, true, false, Tuning.PROCESSOR.gemm(), 16, 16, -7, 1, 16, 4);
        try (GpuDevice device = Devices.open(DeviceOptions.DEFAULT, broken)) {
            Program.Builder builder = new Program.Builder("gate");
            Slot in = builder.input("in", Rows.TOKENS, COLUMNS, org.crema.kernels.Element.F32);
            Slot ids = builder.slot("ids", Rows.TOKENS, 2, org.crema.kernels.Element.I32);
            Slot weights = builder.slot("weights", Rows.TOKENS, 2);
            Program program = builder
                    .add(new Op.GateExperts(ids.all(), weights.all(), in.all(), weight, java.util.Optional.empty(),
                            org.crema.kernels.Routing.plain(org.crema.kernels.Routing.Scoring.SOFTMAX, ROWS, 2, false, 1)))
                    .build(ids);
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(program), OPTIONS).close());
            assertTrue(thrown.getMessage().contains("experts.cl") && thrown.getMessage().contains("error"), thrown.getMessage());
            assertEquals(0, device.used());
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
