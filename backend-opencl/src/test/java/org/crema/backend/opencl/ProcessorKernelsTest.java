package org.crema.backend.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.DeviceInfo;
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
import org.crema.kernels.conformance.Fence;
import org.crema.kernels.conformance.RandomBlocks;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What kernels of processors must not do. */
class ProcessorKernelsTest {
    private static final int ROWS = 4;
    private static final int TOKENS = 5;
    private static final Limits LIMITS = Limits.single(256, TOKENS, 1);

    @BeforeAll
    static void need() {
        Devices.need();
    }

    static Stream<Arguments> cases() {
        return Arrays.stream(QuantType.values())
                .flatMap(type -> Arrays.stream(Precision.values()).map(precision -> arguments(type,
                        precision)));
    }

    /** Weights are used where they are mapped, and end where memory ends: reading on would end the JVM. */
    @ParameterizedTest
    @MethodSource("cases")
    void readsNothingBehindTheLastBlock(QuantType type, Precision precision) {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "memory is fenced on Linux only");
        int columns = columns(type);
        byte[] blocks = blocks(type);
        try (Arena arena = Arena.ofShared(); Fence fence = new Fence(blocks.length); GpuDevice device = Devices.open()) {
            MemorySegment elsewhere = arena.allocate(blocks.length + 4096L, 64).copyFrom(MemorySegment.ofArray(blocks));
            MemorySegment fenced = MemorySegment.ofAddress(fence.put(MemorySegment.ofArray(blocks))).reinterpret(blocks.length);
            assumeTrue(device.info().kind() == DeviceInfo.Kind.HOST, "not a processor");
            Weight end = new Weight("w", type, 1, ROWS, columns, fenced);
            assertEquals(0, device.footprint(List.of(products(end)), options(precision)).weights(), "weights are copied");
            for (int tokens : new int[] {1, TOKENS}) {
                assertEquals(-1, run(device, new Weight("w", type, 1, ROWS, columns, elsewhere), precision, tokens, arena, 1)
                        .mismatch(run(device, end, precision, tokens, arena, 1)));
            }
        }
    }

    /** One activation that is no number, or an infinite one, is not lost on the way through int8. */
    @ParameterizedTest
    @MethodSource("cases")
    void whatIsNoNumberStaysNone(QuantType type, Precision precision) {
        int columns = columns(type);
        byte[] blocks = blocks(type);
        try (Arena arena = Arena.ofShared(); GpuDevice device = Devices.open()) {
            Weight weight = new Weight("w", type, 1, ROWS, columns, arena.allocate(blocks.length + 64L, 64).copyFrom(MemorySegment
                    .ofArray(blocks)));
            for (float factor : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                MemorySegment out = run(device, weight, precision, TOKENS, arena, factor);
                for (int i = 0; i < TOKENS * columns; i++) {
                    assertEquals(i >= columns, Float.isFinite(out.getAtIndex(ValueLayout.JAVA_FLOAT, i)), "token " + i / columns);
                }
            }
        }
    }

    private static int columns(QuantType type) {
        return type.blockSize() > 32 ? 2 * type.blockSize() : 96;
    }

    private static byte[] blocks(QuantType type) {
        return RandomBlocks.of(type, ROWS * columns(type) / type.blockSize(), 0.1, new Random(5));
    }

    private static CompileOptions options(Precision precision) {
        return new CompileOptions(precision, Cache.Type.F16, LIMITS);
    }

    /** The product with a matrix, then with its transpose. */
    private static Program products(Weight weight) {
        Program.Builder builder = new Program.Builder("products");
        Slot in = builder.input("in", Rows.TOKENS, weight.columns(), Element.F32);
        Slot between = builder.slot("between", Rows.TOKENS, ROWS);
        Slot out = builder.slot("out", Rows.TOKENS, weight.columns());
        return builder.add(new Op.MatMul(between.all(), in.all(), weight)).add(new Op.HeadMatMul(out.all(), between.all(), weight,
                true)).build(out);
    }

    /** @param factor of the first token's last activation */
    private static MemorySegment run(GpuDevice device, Weight weight, Precision precision, int tokens, Arena arena,
            float factor) {
        Program program = products(weight);
        int columns = weight.columns();
        Random random = new Random(7);
        MemorySegment x = arena.allocate(4L * tokens * columns, 64);
        for (int i = 0; i < tokens * columns; i++) {
            x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i == columns - 1 ? factor : 1) * (float) random.nextGaussian());
        }
        Step step = new Step(LIMITS, arena);
        step.addSequence(new int[] {0}, 1);
        for (int t = 0; t < tokens; t++) {
            step.addToken(0, 0, t, t == 0);
        }
        MemorySegment result = arena.allocate(x.byteSize(), 64);
        try (Executable executable = device.compile(List.of(program), options(precision))) {
            executable.begin(step);
            executable.write(program.inputs().iterator().next(), x, tokens);
            executable.run(0);
            executable.read(program.outputs().iterator().next(), result, tokens);
        }
        return result;
    }
}
