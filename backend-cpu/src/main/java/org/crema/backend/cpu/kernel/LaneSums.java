package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors whose lanes add up to the product of a row each, for some rows: kernels leave them here, and they are added up together.
 * Adding up is a chain of dependent steps; done at the end of each row it took as long as the row itself where rows are short.
 *
 * <p>Halves are added until two lanes are left, then those. {@code reduceLanes} would do, but adds in another order when interpreted
 * than when compiled.
 */
final class LaneSums {
    /** Vectors that there is room for. */
    static final int ROWS = 32;
    /** Bytes from one to the next. */
    static final long STEP = 64;

    private static final ThreadLocal<LaneSums> OF_THREAD = ThreadLocal.withInitial(LaneSums::new);
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_128;
    private static final VectorShuffle<Float> TURN = VectorShuffle.iota(F, 2, 1, true);

    private final MemorySegment memory = Arena.ofAuto().allocate(ROWS * STEP, STEP);
    private final long address = memory.address();

    private LaneSums() {}

    /** The calling thread's. */
    static LaneSums ofThread() {
        return OF_THREAD.get();
    }

    /** Address of a vector. */
    long at(int row) {
        return address + row * STEP;
    }

    /** Adds up the lanes of {@code count} vectors, to as many floats. */
    void add(int lanes, int first, int count, long out) {
        switch (lanes) {
            case 16 -> rows16(at(first), count, out);
            case 8 -> rows8(at(first), count, out);
            default -> rows4(at(first), count, out);
        }
    }

    private static FloatVector load(long at) {
        return FloatVector.fromMemorySegment(F, Memory.ALL, at, Memory.NATIVE);
    }

    private static void rows16(long sums, int count, long out) {
        long at = sums;
        for (long to = out; to < out + 4L * count; to += 4, at += STEP) {
            FloatVector v = load(at).add(load(at + 32)).add(load(at + 16).add(load(at + 48)));
            v = v.add(v.rearrange(TURN));
            Memory.ALL.set(Memory.F32, to, v.lane(0) + v.lane(1));
        }
    }

    private static void rows8(long sums, int count, long out) {
        long at = sums;
        for (long to = out; to < out + 4L * count; to += 4, at += STEP) {
            FloatVector v = load(at).add(load(at + 16));
            v = v.add(v.rearrange(TURN));
            Memory.ALL.set(Memory.F32, to, v.lane(0) + v.lane(1));
        }
    }

    private static void rows4(long sums, int count, long out) {
        long at = sums;
        for (long to = out; to < out + 4L * count; to += 4, at += STEP) {
            FloatVector v = load(at);
            v = v.add(v.rearrange(TURN));
            Memory.ALL.set(Memory.F32, to, v.lane(0) + v.lane(1));
        }
    }

    /** The same for one vector, which is lost. */
    static float plain(float[] lanes) {
        for (int half = lanes.length / 2; half > 1; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return lanes[0] + lanes[1];
    }
}
