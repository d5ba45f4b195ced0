package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Executable;
import org.crema.kernels.Limits;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.quant.QuantType;
import org.crema.kernels.reference.ReferenceBackend;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole DeepSeek-V2 layers, several steps long, against the reference interpreter. */
@Tag("width")
class LayerTest {
    private static final Limits LIMITS = new Limits(48, 48, 3, 7, 60, 20);

    /** What a step does: for each sequence, how many tokens it adds. */
    private static final int[][] STEPS = {{33, 0, 0}, {1, 9, 5}, {1, 1, 1}, {2, 0, 40}, {1, 0, 0}};

    /** With rounded cache rows a key that lies between two steps may go to the other one, and moves every later score of its head. */
    @Test
    void matchesTheReference() {
        compare(Cache.Type.F32, QuantType.Q8_0, 1e-11);
        compare(Cache.Type.F32, QuantType.Q4_K, 1e-11);
        compare(Cache.Type.F16, QuantType.F32, 1e-6);
        compare(Cache.Type.Q8_0, QuantType.Q4_K, 1e-5);
    }

    private static void compare(Cache.Type type, QuantType quant, double tolerance) {
        try (Arena arena = Arena.ofConfined()) {
            Program program = Layers.deepseek2(new Random(7), arena, quant);
            CompileOptions options = new CompileOptions(Precision.F32, type, LIMITS).withGuards(64);
            List<float[]> expected;
            try (Device device = new ReferenceBackend().open(0, DeviceOptions.DEFAULT)) {
                expected = run(device, program, options, arena);
            }
            try (Device device = new CpuBackend().open(0, new DeviceOptions(2, Long.MAX_VALUE))) {
                List<float[]> found = run(device, program, options, arena);
                for (int i = 0; i < expected.size(); i++) {
                    double error = Layers.nmse(expected.get(i), found.get(i));
                    assertTrue(error < tolerance, type + " " + quant + " step " + i + ": " + error);
                }
            }
        }
    }

    private static List<float[]> run(Device device, Program program, CompileOptions options, Arena arena) {
        try (Executable executable = device.compile(List.of(program), options)) {
            Slot out = program.outputs().getFirst();
            int[] length = new int[3];
            return java.util.Arrays.stream(STEPS).map(counts -> {
                Step step = Layers.step(arena, LIMITS, counts, length);
                executable.begin(step);
                executable.run(0);
                MemorySegment rows = arena.allocate(out.bytes(step.outputs()), 4);
                executable.read(out, rows, step.outputs());
                assertEquals(List.of(), executable.damage());
                return rows.toArray(JAVA_FLOAT);
            }).toList();
        }
    }

    @ParameterizedTest
    @CsvSource({"F32, Q8_0", "FAST, Q8_0", "FAST, Q4_K"})
    void givesTheSameBitsWithAnyNumberOfThreads(Precision precision, QuantType quant) {
        try (Arena arena = Arena.ofConfined()) {
            Program program = Layers.deepseek2(new Random(7), arena, quant);
            CompileOptions options = new CompileOptions(precision, Cache.Type.F16, LIMITS).withGuards(64);
            List<float[]> expected = null;
            for (int threads = 1; threads <= 4; threads++) {
                try (Device device = new CpuBackend().open(0, new DeviceOptions(threads, Long.MAX_VALUE))) {
                    List<float[]> found = run(device, program, options, arena);
                    for (int i = 0; expected != null && i < found.size(); i++) {
                        assertArrayEquals(expected.get(i), found.get(i), threads + " threads, step " + i);
                    }
                    expected = found;
                }
            }
        }
    }
}
