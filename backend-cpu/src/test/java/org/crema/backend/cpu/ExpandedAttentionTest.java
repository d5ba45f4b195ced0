package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
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
import org.crema.kernels.reference.ReferenceBackend;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Latent attention with its projections against the reference interpreter, over steps that expand keys and steps that do not. */
@Tag("width")
class ExpandedAttentionTest {
    private static final Limits LIMITS = new Limits(150, 1, 3, 23, 40, 12);
    /** Tokens that each sequence adds: prompts over one tile of keys and several, in one step with single tokens, then single tokens. */
    private static final int[][] STEPS = {{150, 0, 0}, {1, 107, 0}, {70, 2, 5}, {1, 1, 1}, {3, 40, 90}};

    private record Shape(int heads, int latent, int nope, int rope, int value, QuantType type, boolean transposed) {
        Program program(Random random, Arena arena, boolean watched) {
            Program.Builder p = new Program.Builder("attention");
            Slot q = p.input("q", Rows.TOKENS, heads * (nope + rope), Element.F32);
            Slot kv = p.input("kv", Rows.TOKENS, latent + rope, Element.F32);
            Slot absorbed = p.slot("absorbed", Rows.TOKENS, heads * latent);
            Slot context = p.slot("context", Rows.TOKENS, heads * latent);
            Slot o = p.slot("o", Rows.TOKENS, heads * value);
            Cache cache = new Cache(0, latent + rope);
            Weight keys = transposed
                    ? Layers.weight(random, arena, "k_b", type, heads, nope, latent)
                    : Layers.weight(random, arena, "k_b", type, heads, latent, nope);
            Weight values = Layers.weight(random, arena, "v_b", type, heads, value, latent);
            p.add(new Op.CacheWrite(cache, List.of(kv.all())));
            p.add(new Op.HeadMatMul(absorbed.groups(heads), q.groups(heads, 0, nope), keys, transposed));
            p.add(new Op.LatentAttention(context.groups(heads), absorbed.groups(heads), q.groups(heads, nope, rope), cache,
                    0.3f));
            p.add(new Op.HeadMatMul(o.groups(heads), context.groups(heads), values, false));
            return watched ? p.build(o, context) : p.build(o);
        }
    }

    private static List<float[]> run(Device device, Program program, CompileOptions options, long seed) {
        try (Arena arena = Arena.ofConfined(); Executable executable = device.compile(List.of(program), options)) {
            Random random = new Random(seed);
            int[] length = new int[3];
            List<float[]> results = new ArrayList<>();
            for (int[] counts : STEPS) {
                Step step = new Step(LIMITS, arena);
                for (int s = 0; s < counts.length; s++) {
                    if (counts[s] > 0) {
                        int first = s * LIMITS.sequencePages();
                        int index = step.addSequence(IntStream.range(first, first + LIMITS.sequencePages()).toArray(),
                                LIMITS.sequencePages());
                        for (int i = 0; i < counts[s]; i++, length[s]++) {
                            step.addToken(index, 0, length[s], false);
                        }
                    }
                }
                executable.begin(step);
                for (Slot input : program.inputs()) {
                    MemorySegment rows = arena.allocate(input.bytes(step.tokens()), 4);
                    for (long i = 0; i < rows.byteSize() / 4; i++) {
                        rows.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
                    }
                    executable.write(input, rows, step.tokens());
                }
                executable.run(0);
                for (Slot output : program.outputs()) {
                    MemorySegment rows = arena.allocate(output.bytes(step.tokens()), 4);
                    executable.read(output, rows, step.tokens());
                    results.add(rows.toArray(JAVA_FLOAT));
                }
                assertEquals(List.of(), executable.damage());
            }
            return results;
        }
    }

    @ParameterizedTest
    @CsvSource({"4, 256, 64, 32, 64, Q4_K, true, F16", "3, 288, 96, 32, 160, Q8_0, false, F32",
        "2, 512, 128, 64, 128, F16, false, F16",
        "5, 40, 19, 6, 13, F32, true, F32", "3, 300, 70, 10, 66, F32, false, F32", "1, 512, 200, 128, 24, Q8_0, true, Q8_0"})
    void matchesTheReference(int heads, int latent, int nope, int rope, int value, QuantType type, boolean transposed,
            Cache.Type cached) {
        Shape shape = new Shape(heads, latent, nope, rope, value, type, transposed);
        try (Arena arena = Arena.ofConfined()) {
            Program program = shape.program(new Random(11), arena, false);
            CompileOptions options = new CompileOptions(Precision.F32, cached, LIMITS).withGuards(64);
            List<float[]> expected;
            try (Device device = new ReferenceBackend().open(0, DeviceOptions.DEFAULT)) {
                expected = run(device, program, options, 5);
            }
            List<float[]> one = null;
            for (int threads : new int[] {1, 3}) {
                try (Device device = new CpuBackend().open(0, new DeviceOptions(threads, Long.MAX_VALUE))) {
                    List<float[]> found = run(device, program, options, 5);
                    for (int i = 0; i < expected.size(); i++) {
                        double error = Layers.nmse(expected.get(i), found.get(i));
                        assertTrue(error < (cached == Cache.Type.Q8_0 ? 1e-6 : 1e-10), shape + " step " + i + ": " + error);
                        if (one != null) {
                            assertArrayEquals(one.get(i), found.get(i), shape + " step " + i + ", three threads beside one");
                        }
                    }
                    one = found;
                }
            }
        }
    }

    /** What passes between the ops is there if somebody reads it. */
    @Test
    void leavesOpsApartThatAreWatched() {
        Shape shape = new Shape(2, 64, 32, 8, 32, QuantType.F32, true);
        try (Arena arena = Arena.ofConfined()) {
            Program watched = shape.program(new Random(11), arena, true);
            CompileOptions options = new CompileOptions(Precision.F32, Cache.Type.F32, LIMITS);
            assertEquals(4, Compiler.groups(watched).size());
            try (Device reference = new ReferenceBackend().open(0, DeviceOptions.DEFAULT);
                    Device device = new CpuBackend().open(0, new DeviceOptions(2, Long.MAX_VALUE))) {
                List<float[]> expected = run(reference, watched, options, 6);
                List<float[]> found = run(device, watched, options, 6);
                for (int i = 0; i < expected.size(); i++) {
                    assertTrue(Layers.nmse(expected.get(i), found.get(i)) < 1e-10, "slot " + i);
                }
            }
            Assumptions.assumeTrue(VectorSupport.PRESENT, "without vectors every op runs by itself");
            assertEquals(2, Compiler.groups(shape.program(new Random(11), arena, false)).size());
        }
    }

    /** With the heads of DeepSeek-Coder-V2. */
    @Test
    void expandsWhereThatCostsLess() {
        assertTrue(expands(0, 512));
        assertTrue(expands(0, 64));
        assertFalse(expands(0, 16));
        assertTrue(expands(3584, 512));
        assertFalse(expands(4095, 1));
        assertFalse(expands(4032, 64));
        assertFalse(expands(0, 1));
    }

    private static boolean expands(int before, int tokens) {
        ExpandedAttention.Sizes sizes = new ExpandedAttention.Sizes(512, 128, 64, 128);
        double seen = (double) tokens * before + tokens * (tokens + 1) / 2.0;
        return sizes.expanded(before + tokens, seen) < sizes.absorbed(tokens, seen);
    }
}
