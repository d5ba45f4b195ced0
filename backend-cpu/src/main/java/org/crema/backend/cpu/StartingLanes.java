package org.crema.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.List;
import org.crema.backend.cpu.kernel.Starter;

/** {@link VectorLanes}, or {@link SoftLanes} while those are not compiled. */
final class StartingLanes implements Lanes {
    private static final int N = 256;
    private static final int ROWS = 5;

    /** Of all lanes in this JVM: they share what C2 compiles. */
    private static volatile boolean ready = true;
    private static boolean prepared;

    private final VectorLanes vector = new VectorLanes();
    private final SoftLanes soft = new SoftLanes();

    private Lanes now() {
        return ready ? vector : soft;
    }

    /** What has to be compiled, once. */
    static synchronized Collection<Starter.Work> work() {
        if (prepared) {
            return List.of();
        }
        prepared = true;
        VectorLanes lanes = new VectorLanes();
        MemorySegment memory = Arena.ofAuto().allocate(4L * (4 * ROWS * N) + SCRATCH, 64);
        long a = memory.address();
        long b = a + 4L * ROWS * N;
        long c = b + 4L * ROWS * N;
        long scratch = c + 4L * ROWS * N;
        long[] rows = new long[ROWS];
        long[] out = new long[ROWS];
        for (int r = 0; r < ROWS; r++) {
            rows[r] = a + 4L * N * r;
            out[r] = c + 4L * N * r;
        }
        Runnable all = () -> {
            memory.asSlice(0, 4L * ROWS * N).fill((byte) 0);
            lanes.sumOfSquares(a, N);
            lanes.scale(c, a, 1, b, N);
            lanes.scale(c, a, 1, N);
            lanes.add(c, a, b, N);
            lanes.swiGlu(c, a, b, N);
            lanes.max(a, N);
            lanes.expSum(c, 0, N);
            lanes.fromF16(c, a, N);
            lanes.fromI8(c, a, 1, N);
            lanes.dots(rows, 0, ROWS, b, 4 * N, ROWS, N, out, 0, scratch);
            lanes.mix(a, 4 * N, ROWS, b, 4 * N, ROWS, N + 3 - N % 64, c, 4 * N);
        };
        return List.of(new Starter.Work(all, 10L * N + 2L * ROWS * ROWS * N, now -> ready = now));
    }

    @Override
    public int bits() {
        return vector.bits();
    }

    @Override
    public float sumOfSquares(long a, int n) {
        return now().sumOfSquares(a, n);
    }

    @Override
    public void scale(long out, long a, float factor, long weight, int n) {
        now().scale(out, a, factor, weight, n);
    }

    @Override
    public void scale(long out, long a, float factor, int n) {
        now().scale(out, a, factor, n);
    }

    @Override
    public void add(long out, long a, long b, int n) {
        now().add(out, a, b, n);
    }

    @Override
    public void swiGlu(long out, long gate, long up, int n) {
        now().swiGlu(out, gate, up, n);
    }

    @Override
    public float max(long a, int n) {
        return now().max(a, n);
    }

    @Override
    public float expSum(long a, float shift, int n) {
        return now().expSum(a, shift, n);
    }

    @Override
    public void fromF16(long out, long in, int n) {
        now().fromF16(out, in, n);
    }

    @Override
    public void fromBf16(long out, long in, int n) {
        now().fromBf16(out, in, n);
    }

    @Override
    public void fromI8(long out, long in, float factor, int n) {
        now().fromI8(out, in, factor, n);
    }

    @Override
    public void dots(long[] x, int from, int to, long w, long stride, int rows, int n, long[] out, int at, long scratch) {
        now().dots(x, from, to, w, stride, rows, n, out, at, scratch);
    }

    @Override
    public void mix(long p, long pStride, int rows, long v, long vStride, int count, int n, long out, long outStride) {
        now().mix(p, pStride, rows, v, vStride, count, n, out, outStride);
    }
}
