package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.RCX;
import static org.crema.backend.cpu.kernel.Assembler.RDI;
import static org.crema.backend.cpu.kernel.Assembler.RDX;
import static org.crema.backend.cpu.kernel.Assembler.RSI;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The micro-kernels of {@link Gemm} with weights and activations rounded to BF16 and sums in F32: twice the multiply-adds an instruction, by
 * {@code vdpbf16ps} (AVX512_BF16), which Java does not have. Columns k and k + half of a slice make a pair of 32 bits, the first in its low
 * half.
 */
public final class Bf16 {
    /** System property: {@code off} keeps to F32. */
    public static final String PROPERTY = "crema.cpu.bf16";

    /** Bytes from one row of a tile to the next. */
    static final int ROW = MatKernel.SLICE / 2 * Integer.BYTES;

    private static final int VECTOR = 64;
    /** Of a panel. */
    private static final int MOST_VECTORS = 4;
    /** Accumulators are the registers below. */
    private static final int FIRST_X = 24;
    /** Half of the last bit that is kept. */
    private static final int HALF = 0x8000;
    private static final int UPPER = 0xffff0000;

    private Bf16() {}

    /** Whether this machine can. The first call makes the code, in a tenth of a second. */
    public static boolean available() {
        return Code.KERNELS != null;
    }

    /** In words: that the processor can, or why not. */
    public static String describe() {
        String missing = missing();
        return !missing.isEmpty() ? "no: " + missing : available() ? "by vdpbf16ps" : "no: the system refused memory for code";
    }

    private static String missing() {
        return MachineCode.missing(PROPERTY, "avx512_bf16");
    }

    /**
     * {@code sums[row][lane] += sum over pairs of w[row][pair] . x[pair][lane]}; rdi w, {@link #ROW} bytes from row to row, rsi x, rdx sums, rcx
     * pairs.
     */
    private static byte[] kernel(int rows, int vectors) {
        Assembler to = new Assembler();
        for (int i = 0; i < rows * vectors; i++) {
            to.op(Evex.VMOVUPS_LOAD, ZMM, i, at(RDX, i * VECTOR));
        }
        int again = to.here();
        for (int v = 0; v < vectors; v++) {
            to.op(Evex.VMOVUPS_LOAD, ZMM, FIRST_X + v, at(RSI, v * VECTOR));
        }
        for (int i = 0; i < rows * vectors; i++) {
            to.broadcast(Evex.VDPBF16PS, ZMM, i, FIRST_X + i % vectors, at(RDI, i / vectors * ROW));
        }
        to.add(RDI, Integer.BYTES);
        to.add(RSI, vectors * VECTOR);
        to.subtract(RCX, 1);
        to.jumpIfNotZero(again);
        for (int i = 0; i < rows * vectors; i++) {
            to.op(Evex.VMOVUPS_STORE, ZMM, i, at(RDX, i * VECTOR));
        }
        to.returnFromVectors();
        return to.code();
    }

    /**
     * Some rows times a panel, as {@link Gemm#multiply(float[], int, int, long, int, int, float[], int)}.
     *
     * @param w address of the rows' pairs; read up to the next multiple of {@link Gemm#step}
     * @param x address of {@code [pairs][vectors * lanes]} pairs
     * @param sums address of {@code [row][vectors * lanes]} floats; what lies behind the last row, up to the next multiple, is lost
     */
    static void multiply(long w, int rows, long x, int vectors, int pairs, long sums) {
        int step = Gemm.step(vectors);
        MemorySegment kernel = Code.KERNELS[vectors - 1];
        for (int r = 0; r < rows; r += step) {
            MachineCode.call(kernel, w + (long) r * ROW, x, sums + (long) r * vectors * VECTOR, pairs, 0, 0);
        }
    }

    /**
     * Rounds an even number of lines of floats and pairs each of the first half with one of the second.
     *
     * @param lines floats from {@code at} on, lines of so many as are columns of weights, or tokens of a panel
     * @param half floats of the first half of the lines
     * @param to address of as many pairs
     */
    static void pair(float[] lines, int at, int half, long to) {
        for (int i = Starter.soft() ? 0 : Vectors.pair(lines, at, half, to); i < half; i++) {
            Memory.ALL.set(Memory.I32, to + (long) i * Integer.BYTES,
                    rounded(lines[at + i]) >>> 16 | rounded(lines[at + half + i]) & UPPER);
        }
    }

    /**
     * In the upper half the nearest number; of two, that further from zero, which takes half the instructions of the even one and is as fair
     * to both signs. NaN stays NaN, but for those with all upper bits of the fraction set, which no arithmetic makes.
     */
    private static int rounded(float x) {
        return Float.floatToRawIntBits(x) + HALF;
    }

    /** The kernels by vectors of a panel; apart, since they are not made before they are needed. */
    private static final class Code {
        private static final MemorySegment[] KERNELS = make();

        private static MemorySegment[] make() {
            if (!missing().isEmpty()) {
                return null;
            }
            try {
                return MachineCode.functions(IntStream.rangeClosed(1, MOST_VECTORS)
                        .mapToObj(vectors -> kernel(Gemm.step(vectors), vectors)).toList());
            } catch (UnsupportedOperationException e) {
                System.getLogger(Bf16.class.getName()).log(System.Logger.Level.WARNING,
                        "products of many tokens stay in F32, at half the speed: " + e.getMessage());
                return null;
            }
        }
    }

    /** Apart, so that nothing of it is loaded before it is needed. */
    private static final class Vectors {
        private static final VectorSpecies<Float> F = FloatVector.SPECIES_512;
        private static final int LANES = 16;

        /** Whole vectors of pairs; returns how many pairs that were. */
        static int pair(float[] lines, int at, int half, long to) {
            int i = 0;
            for (; i <= half - LANES; i += LANES) {
                IntVector a = FloatVector.fromArray(F, lines, at + i).reinterpretAsInts();
                IntVector b = FloatVector.fromArray(F, lines, at + half + i).reinterpretAsInts();
                a = a.add(HALF).lanewise(VectorOperators.LSHR, 16);
                b = b.add(HALF).and(UPPER);
                a.or(b).intoMemorySegment(Memory.ALL, to + (long) i * Integer.BYTES, Memory.NATIVE);
            }
            return i;
        }
    }
}
