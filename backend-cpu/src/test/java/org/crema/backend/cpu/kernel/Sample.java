package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.crema.kernels.quant.QuantType;

/** A random matrix in native memory, in blocks of bytes that no quantiser need have written, and its weights by the scalar codec. */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Sample(QuantType type, int rows, int columns, long rowBytes, MemorySegment memory, long address, float[] weights) {
    /**
     * Rows follow each other without gaps, the last ends where the memory ends.
     *
     * @param shift bytes by which the matrix is moved from an aligned address
     */
    static Sample of(Arena arena, QuantType type, int rows, int columns, int shift, long seed) {
        Random random = new Random(seed);
        long rowBytes = type.rowBytes(columns);
        MemorySegment memory = arena.allocate(shift + rows * rowBytes, 64);
        float[] weights = new float[rows * columns];
        int size = type.blockSize();
        byte[] bytes = new byte[type.blockBytes()];
        float[] block = new float[size];
        for (int b = 0; b < rows * columns / size; b++) {
            do {
                random.nextBytes(bytes);
                type.codec().decode(MemorySegment.ofArray(bytes), 0, block, 0, size);
            } while (!usable(block));
            MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, shift + (long) b * bytes.length, bytes.length);
            System.arraycopy(block, 0, weights, b * size, size);
        }
        return new Sample(type, rows, columns, rowBytes, memory, memory.address() + shift, weights);
    }

    private static boolean usable(float[] block) {
        for (float w : block) {
            if (!(Math.abs(w) < 1e4)) {
                return false;
            }
        }
        return true;
    }

    static float[] activations(int count, long seed) {
        Random random = new Random(seed);
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    static MemorySegment copy(Arena arena, float[] values) {
        MemorySegment segment = arena.allocate(4L * values.length, 64);
        MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
        return segment;
    }

    /** The same of weights and activations rounded to BF16. */
    double[] dotInBf16(int row, float[] x, int at) {
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < columns; i++) {
            double term = (double) bf16(weights[row * columns + i]) * bf16(x[at + i]);
            sum += term;
            squares += term * term;
        }
        return new double[] {sum, squares};
    }

    /** The nearest number with eight bits, of two that further from zero. */
    static float bf16(float x) {
        if (Float.isNaN(x) || Float.isInfinite(x) || x == 0) {
            return x;
        }
        double unit = Math.scalb(1.0, Math.getExponent(x) - 7);
        return (float) (Math.signum(x) * Math.floor(Math.abs(x) / unit + 0.5) * unit);
    }

    /** The product of a row and a vector in double precision, and the sum of the squares of its terms. */
    double[] dot(int row, float[] x, int at) {
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < columns; i++) {
            double term = (double) weights[row * columns + i] * x[at + i];
            sum += term;
            squares += term * term;
        }
        return new double[] {sum, squares};
    }
}
