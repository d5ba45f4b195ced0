package org.crema.kernels.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Element;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What every GPU backend has to do beside computing: numbers of devices, memory and failures. A backend's own test opens its device,
 * and adds what its driver alone can do.
 */
public abstract class GpuDeviceKit {
    protected static final int ROWS = 64;
    protected static final int COLUMNS = 128;
    protected static final Limits LIMITS = Limits.single(256, 4, 1);
    protected static final CompileOptions OPTIONS = new CompileOptions(Precision.F32, Cache.Type.F16, LIMITS);

    protected final Arena arena = Arena.ofShared();
    /** Row r holds r. */
    protected final Weight weight = new Weight("w", QuantType.F32, 1, ROWS, COLUMNS, arena.allocate(4L * ROWS * COLUMNS, 64));

    protected abstract Backend backend();

    /** What messages call its devices. */
    protected abstract String kind();

    /** Details that each device tells. */
    protected abstract Set<String> details();

    /** Opens the first device; skips the test if there is none. */
    protected abstract GpuDevice open(DeviceOptions options);

    protected final GpuDevice open() {
        return open(DeviceOptions.DEFAULT);
    }

    @BeforeEach
    final void fill() {
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            weight.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, i / COLUMNS);
        }
    }

    @AfterEach
    final void free() {
        arena.close();
    }

    /** A product with a matrix of {@link #ROWS} rows. */
    protected static Program program(Weight weight) {
        Program.Builder builder = new Program.Builder("product");
        Slot in = builder.input("in", Rows.TOKENS, weight.columns(), Element.F32);
        Slot out = builder.slot("out", Rows.TOKENS, ROWS);
        return builder.add(new Op.MatMul(out.all(), in.all(), weight)).build(out);
    }

    /** A step of the first tokens of a sequence. */
    protected final Step step(int tokens) {
        Step step = new Step(LIMITS, arena);
        step.addSequence(new int[] {0}, 1);
        for (int t = 0; t < tokens; t++) {
            step.addToken(0, 0, t, t == 0);
        }
        return step;
    }

    /** So many floats, all 1. */
    protected final MemorySegment ones(int count) {
        MemorySegment ones = arena.allocate(4L * count, 4);
        for (int i = 0; i < count; i++) {
            ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        return ones;
    }

    /** The product of ones: each row's number times the columns. */
    protected final void works(Executable executable, Program program) {
        executable.begin(step(1));
        executable.write(program.inputs().getFirst(), ones(COLUMNS), 1);
        executable.run(0);
        MemorySegment result = arena.allocate(4L * ROWS, 4);
        executable.read(program.outputs().getFirst(), result, 1);
        for (int r = 0; r < ROWS; r++) {
            assertEquals(r * COLUMNS, result.getAtIndex(ValueLayout.JAVA_FLOAT, r));
        }
    }

    @Test
    void devicesAreNumberedInOneList() {
        open().close();
        Backend.Discovery found = backend().discover();
        for (int i = 0; i < found.devices().size(); i++) {
            DeviceInfo info = found.devices().get(i);
            assertEquals(backend().name() + ":" + i, info.id());
            assertTrue(info.details().keySet().containsAll(details()), info.toString());
            assertTrue(info.memoryBytes() > 0);
        }
        for (int number : new int[] {-1, found.devices().size()}) {
            DeviceException missing = assertThrows(DeviceException.class, () -> backend().open(number, DeviceOptions.DEFAULT));
            assertTrue(missing.getMessage().contains("there is no " + kind() + " device " + number), missing.getMessage());
        }
    }

    @Test
    void outOfMemoryLeavesNothingBehind() {
        Program program = program(weight);
        try (GpuDevice measure = open()) {
            long need = measure.footprint(List.of(program), OPTIONS).total();
            try (GpuDevice device = open(new DeviceOptions(0, need))) {
                Executable first = device.compile(List.of(program), OPTIONS);
                assertEquals(need, device.used());
                DeviceException.OutOfMemory thrown = assertThrows(DeviceException.OutOfMemory.class,
                        () -> device.compile(List.of(program), OPTIONS).close());
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
        try (GpuDevice device = open()) {
            assertEquals(device.footprint(List.of(program(weight)), OPTIONS), device.footprint(List.of(planned), OPTIONS));
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(planned), OPTIONS).close());
            assertTrue(thrown.getMessage().contains("has no data"), thrown.getMessage());
        }
    }

    @Test
    void weightsOfAProcessorAreUsedWhereTheyAre() {
        List<Long> progress = new ArrayList<>();
        Program program = program(weight);
        try (GpuDevice device = open()) {
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
            try (GpuDevice device = open()) {
                assertEquals(weight.bytes(), device.footprint(List.of(program), OPTIONS).weights());
                try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                    works(executable, program);
                }
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
        try (GpuDevice device = open(); Executable executable = device.compile(List.of(program), OPTIONS)) {
            DeviceException thrown = assertThrows(DeviceException.class, () -> executable.begin(step));
            assertTrue(thrown.getMessage().contains("vocabulary of " + ROWS), thrown.getMessage());
        }
    }

    @Test
    void stepsOfOtherLimitsAndPartsBeforeAStep() {
        Program program = program(weight);
        try (GpuDevice device = open(); Executable executable = device.compile(List.of(program), OPTIONS)) {
            assertThrows(IllegalStateException.class, () -> executable.run(0));
            Step other = new Step(Limits.single(512, 4, 1), arena);
            assertThrows(IllegalArgumentException.class, () -> executable.begin(other));
            works(executable, program);
        }
    }

    @Test
    void closedMemoryIsNotTouched() {
        Arena own = Arena.ofShared();
        Program program = program(new Weight("w", QuantType.F32, 1, ROWS, COLUMNS, own.allocate(4L * ROWS * COLUMNS, 64)));
        try (GpuDevice device = open()) {
            Executable executable = device.compile(List.of(program), OPTIONS);
            executable.begin(step(1));
            own.close();
            if (device.info().kind() == DeviceInfo.Kind.HOST) {
                assertThrows(IllegalStateException.class, () -> executable.run(0));
            }
            executable.close();
            assertThrows(IllegalStateException.class, () -> executable.run(0));
        }
    }
}
