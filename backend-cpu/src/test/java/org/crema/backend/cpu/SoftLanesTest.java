package org.crema.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Loops and vectors give the same bits, whatever the width. */
@Tag("width")
class SoftLanesTest {
    private static final int ROWS = 6;
    private static final int MOST = 320;

    @BeforeEach
    void vectors() {
        Assumptions.assumeTrue(VectorSupport.PRESENT, "without the Vector API there is nothing to compare with");
    }

    /** Runs an operation on both, over the same numbers, and compares all memory and the result. */
    private static void same(String what, Consumer<Run> operation) {
        try (Arena arena = Arena.ofConfined()) {
            Run[] runs = {new Run(new VectorLanes(), arena), new Run(new SoftLanes(), arena)};
            for (Run run : runs) {
                operation.accept(run);
            }
            assertEquals(Float.floatToRawIntBits(runs[0].result), Float.floatToRawIntBits(runs[1].result), what);
            assertEquals(-1, runs[0].memory.mismatch(runs[1].memory), what);
        }
    }

    private static final class Run {
        final Lanes lanes;
        final MemorySegment memory;
        final long a;
        final long b;
        final long out;
        final long scratch;
        float result;

        Run(Lanes lanes, Arena arena) {
            this.lanes = lanes;
            memory = arena.allocate(4L * 3 * ROWS * MOST, 64);
            Random random = new Random(3);
            for (long i = 0; i < memory.byteSize() / 4; i++) {
                memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian() * 4);
            }
            a = memory.address();
            b = a + 4L * ROWS * MOST;
            out = b + 4L * ROWS * MOST;
            scratch = arena.allocate(Lanes.SCRATCH, 64).address();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 7, 15, 16, 17, 31, 32, 33, 48, 64, 96, 100, 130, 256, 300})
    void sameBits(int n) {
        same("sumOfSquares", run -> run.result = run.lanes.sumOfSquares(run.a, n));
        same("scale", run -> run.lanes.scale(run.out, run.a, 0.3f, n));
        same("scale with weights", run -> run.lanes.scale(run.out, run.a, 0.3f, run.b, n));
        same("add", run -> run.lanes.add(run.out, run.a, run.b, n));
        same("swiGlu", run -> run.lanes.swiGlu(run.out, run.a, run.b, n));
        same("max", run -> run.result = run.lanes.max(run.a, n));
        same("expSum", run -> run.result = run.lanes.expSum(run.a, 3, n));
        same("expSum far off", run -> run.result = run.lanes.expSum(run.a, 300, n));
        same("fromI8", run -> run.lanes.fromI8(run.out, run.a, 0.7f, n));
        for (int rows = 1; rows <= ROWS; rows++) {
            int count = rows;
            same(rows + " dots", run -> {
                long[] x = new long[ROWS];
                long[] to = new long[ROWS];
                for (int r = 0; r < ROWS; r++) {
                    x[r] = run.a + 4L * MOST * r;
                    to[r] = run.out + 4L * MOST * r;
                }
                run.lanes.dots(x, 0, count, run.b, 4L * MOST, ROWS + 1 - count, n, to, 2, run.scratch);
            });
            same(rows + " mixed", run -> run.lanes.mix(run.a, 4L * MOST, count, run.b, 4L * MOST, ROWS + 1 - count, n, run.out,
                    4L * MOST));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 64, 100})
    void sameHalves(int n) {
        Random random = new Random(8);
        short[] halves = new short[n];
        for (int i = 0; i < n; i++) {
            halves[i] = Float.floatToFloat16((float) random.nextGaussian());
        }
        Consumer<Run> fill = run -> MemorySegment.copy(halves, 0, run.memory, ValueLayout.JAVA_SHORT, 0, n);
        same("fromF16", fill.andThen(run -> run.lanes.fromF16(run.out, run.a, n)));
        same("fromBf16", fill.andThen(run -> run.lanes.fromBf16(run.out, run.a, n)));
    }
}
