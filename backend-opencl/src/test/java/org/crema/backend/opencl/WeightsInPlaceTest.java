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

/** Weights that a processor uses where they are mapped, and that end where memory ends: reading on would end the JVM. */
class WeightsInPlaceTest {
    private static final int ROWS = 4;
    private static final int TOKENS = 5;
    private static final Limits LIMITS = Limits.single(256, TOKENS, 1);

    @BeforeAll
    static void need() {
        Devices.need();
        assumeTrue(System.getProperty("os.name").equals("Linux"), "memory is fenced on Linux only");
    }

    static Stream<Arguments> cases() {
        return Arrays.stream(QuantType.values())
                .flatMap(type -> Arrays.stream(Precision.values()).map(precision -> arguments(type,
                        precision)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void readsNothingBehindTheLastBlock(QuantType type, Precision precision) {
        int columns = type.blockSize() > 32 ? 2 * type.blockSize() : 96;
        byte[] blocks = RandomBlocks.of(type, ROWS * columns / type.blockSize(), 0.1, new Random(5));
        try (Arena arena = Arena.ofShared(); Fence fence = new Fence(blocks.length); GpuDevice device = Devices.open()) {
            MemorySegment elsewhere = arena.allocate(blocks.length + 4096L, 64).copyFrom(MemorySegment.ofArray(blocks));
            MemorySegment fenced = MemorySegment.ofAddress(fence.put(MemorySegment.ofArray(blocks))).reinterpret(blocks.length);
            for (int tokens : new int[] {1, TOKENS}) {
                assertEquals(-1, run(device, new Weight("w", type, 1, ROWS, columns, elsewhere), precision, tokens, arena)
                        .mismatch(run(device, new Weight("w", type, 1, ROWS, columns, fenced), precision, tokens, arena)));
            }
        }
    }

    /** The product with a matrix, then with its transpose. */
    private static MemorySegment run(GpuDevice device, Weight weight, Precision precision, int tokens, Arena arena) {
        Program.Builder builder = new Program.Builder("products");
        Slot in = builder.input("in", Rows.TOKENS, weight.columns(), Element.F32);
        Slot between = builder.slot("between", Rows.TOKENS, ROWS);
        Slot out = builder.slot("out", Rows.TOKENS, weight.columns());
        Program program = builder.add(new Op.MatMul(between.all(), in.all(), weight)).add(new Op.HeadMatMul(out.all(), between
                .all(), weight, true)).build(out);
        Random random = new Random(7);
        MemorySegment x = arena.allocate(4L * tokens * weight.columns(), 64);
        for (int i = 0; i < tokens * weight.columns(); i++) {
            x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        Step step = new Step(LIMITS, arena);
        step.addSequence(new int[] {0}, 1);
        for (int t = 0; t < tokens; t++) {
            step.addToken(0, 0, t, t == 0);
        }
        MemorySegment result = arena.allocate(x.byteSize(), 64);
        try (Executable executable = device.compile(List.of(program), new CompileOptions(precision, Cache.Type.F16, LIMITS))) {
            executable.begin(step);
            executable.write(in, x, tokens);
            executable.run(0);
            executable.read(out, result, tokens);
        }
        return result;
    }
}
