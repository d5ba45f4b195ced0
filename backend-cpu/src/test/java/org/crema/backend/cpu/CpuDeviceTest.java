package org.crema.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;
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
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CpuDeviceTest {
    private static final Limits LIMITS = new Limits(16, 4, 2, 8, 12, 6);
    private static final CompileOptions OPTIONS = new CompileOptions(Precision.F32, Cache.Type.F16, LIMITS);

    private static Device open(int threads) {
        return new CpuBackend().open(0, new DeviceOptions(threads, Long.MAX_VALUE));
    }

    @Test
    void isFoundAndSaysWhatItIs() {
        Backend backend = ServiceLoader.load(Backend.class).stream().map(ServiceLoader.Provider::get)
                .filter(found -> found.name().equals("cpu")).findFirst().orElseThrow();
        DeviceInfo info = backend.discover().devices().getFirst();
        assertEquals("cpu", info.id());
        assertEquals(DeviceInfo.Kind.HOST, info.kind());
        assertTrue(info.memoryBytes() > info.freeBytes() && info.freeBytes() > 0, info.toString());
        assertFalse(info.name().isBlank());
        assertTrue(Integer.parseInt(info.details().get("threads")) > 0, info.toString());
        assertEquals(VectorSupport.PRESENT, info.details().get("vectors").endsWith("bits"), info.toString());
        assertThrows(DeviceException.class, () -> backend.open(1, DeviceOptions.DEFAULT));
    }

    @ParameterizedTest
    @EnumSource(Cache.Type.class)
    void allocatesWhatTheFootprintSays(Cache.Type type) {
        try (Arena arena = Arena.ofConfined(); Device device = open(3)) {
            Program program = Layers.deepseek2(new Random(1), arena, QuantType.Q8_0);
            CompileOptions options = new CompileOptions(Precision.F32, type, LIMITS);
            for (int guard : new int[] {0, 100}) {
                Device.Footprint footprint = device.footprint(List.of(program), options.withGuards(guard));
                assertEquals(0, footprint.weights());
                assertTrue(footprint.caches() > 0 && footprint.scratch() > 0 && footprint.staging() > 0, footprint.toString());
                try (Executable executable = device.compile(List.of(program), options.withGuards(guard))) {
                    assertEquals(footprint.total(), ((CpuExecutable) executable).bytes());
                }
            }
        }
    }

    @Test
    void copiesOnlyWeightsOnTheJavaHeap() {
        Program.Builder p = new Program.Builder("heap");
        Slot in = p.input("in", Rows.TOKENS, 64, org.crema.kernels.Element.F32);
        Slot out = p.slot("out", Rows.TOKENS, 8);
        Weight weight = new Weight("w", QuantType.F32, 1, 8, 64, MemorySegment.ofArray(new float[8 * 64]));
        Program program = p.add(new Op.MatMul(out.all(), in.all(), weight, Optional.empty())).build(out);
        try (Device device = open(1)) {
            assertEquals(4 * 8 * 64, device.footprint(List.of(program), OPTIONS).weights());
            device.compile(List.of(program), OPTIONS).close();
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        try (Arena arena = Arena.ofConfined(); Device device = new CpuBackend().open(0, new DeviceOptions(1, 100_000))) {
            assertEquals(100_000, device.info().memoryBytes());
            Program program = Layers.deepseek2(new Random(1), arena, QuantType.Q8_0);
            DeviceException.OutOfMemory thrown = assertThrows(DeviceException.OutOfMemory.class,
                    () -> device.compile(List.of(program), OPTIONS));
            assertEquals(100_000, thrown.have());
            assertEquals(device.footprint(List.of(program), OPTIONS).total(), thrown.need());
        }
    }

    @Test
    void refusesCachesThatTheTypeCannotHold() {
        Cache cache = new Cache(0, 40);
        Program.Builder p = new Program.Builder("cache");
        Slot in = p.input("in", Rows.TOKENS, 40, org.crema.kernels.Element.F32);
        Op op = new Op.CacheWrite(cache, List.of(in.all()));
        try (Device device = open(1)) {
            assertTrue(device.supports(op, OPTIONS).ok());
            CompileOptions q80 = new CompileOptions(Precision.F32, Cache.Type.Q8_0, LIMITS);
            assertFalse(device.supports(op, q80).ok());
            DeviceException thrown = assertThrows(DeviceException.class, () -> device.compile(List.of(p.add(op).build(in)), q80));
            assertTrue(thrown.getMessage().contains("multiple of 32"), thrown.getMessage());
        }
    }

    @Test
    void namesTheOpThatFails() {
        try (Arena arena = Arena.ofConfined(); Device device = open(2)) {
            Program program = Layers.deepseek2(new Random(1), arena, QuantType.F32);
            try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                Step step = new Step(LIMITS, arena);
                step.addToken(step.addSequence(new int[] {0}, 1), Layers.VOCABULARY, 0, true);
                executable.begin(step);
                DeviceException thrown = assertThrows(DeviceException.class, () -> executable.run(0));
                assertTrue(thrown.getMessage().contains("Embed") && thrown.getMessage().contains("token " + Layers.VOCABULARY),
                        thrown.getMessage());
            }
        }
    }

    @Test
    void refusesToTouchMemoryThatIsGone() {
        try (Device device = open(1)) {
            Executable executable;
            try (Arena arena = Arena.ofShared()) {
                executable = device.compile(List.of(Layers.deepseek2(new Random(1), arena, QuantType.F32)), OPTIONS);
            }
            assertThrows(IllegalStateException.class, () -> executable.run(0));
            executable.close();
            assertThrows(IllegalStateException.class, () -> executable.run(0));
        }
    }

    @Test
    void refusesStepsOfOtherLimits() {
        try (Arena arena = Arena.ofConfined(); Device device = open(1)) {
            Program program = Layers.deepseek2(new Random(1), arena, QuantType.F32);
            try (Executable executable = device.compile(List.of(program), OPTIONS)) {
                Step step = new Step(Limits.single(256, 4, 4), arena);
                assertThrows(IllegalArgumentException.class, () -> executable.begin(step));
            }
        }
    }

    /** Before C2 has compiled a vector loop its vectors are objects: what counts is that allocation ends. */
    @ParameterizedTest
    @EnumSource(Precision.class)
    void allocatesNothingOnceWarm(Precision precision) {
        Assumptions.assumeTrue(VectorSupport.PRESENT, "the scalar fallback promises right results, not how C2 compiles it");
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined(); Device device = open(3)) {
            Program program = Layers.deepseek2(new Random(1), arena, QuantType.Q8_0);
            try (Executable executable = device.compile(List.of(program),
                    new CompileOptions(precision, Cache.Type.F16, LIMITS))) {
                Slot logits = program.outputs().getFirst();
                MemorySegment rows = arena.allocate(logits.bytes(1), 4);
                List<Step> steps = new ArrayList<>();
                int[] length = new int[2];
                for (int[] counts : new int[][] {{3, 0}, {1, 1}, {1, 0}, {0, 1}}) {
                    steps.add(Layers.step(arena, LIMITS, counts, length));
                }
                List<Thread> workers = PoolTest.workers();
                long end = System.nanoTime() + 180_000_000_000L;
                long most = Long.MAX_VALUE;
                while (most > 0 && System.nanoTime() < end) {
                    long before = allocated(threads, workers);
                    for (int i = 0; i < 100; i++) {
                        executable.begin(steps.get(i % steps.size()));
                        executable.run(0);
                        executable.read(logits, rows, 1);
                    }
                    most = Math.min(most, allocated(threads, workers) - before);
                }
                assertEquals(0, most, "bytes allocated in 100 steps");
            }
        }
    }

    private static long allocated(ThreadMXBean threads, List<Thread> workers) {
        long bytes = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < workers.size(); i++) {
            bytes += threads.getThreadAllocatedBytes(workers.get(i).threadId());
        }
        return bytes;
    }
}
