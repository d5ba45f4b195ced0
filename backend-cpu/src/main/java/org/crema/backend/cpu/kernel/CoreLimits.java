package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.RDI;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Work that does nothing but reach a core's limits, to be timed. */
public final class CoreLimits {
    /** Multiply-adds in a turn of {@link #multiplyAdds}. */
    public static final int MULTIPLY_ADDS = 12 * Species.LANES;

    private static final VectorSpecies<Float> F = Species.LANES == 16
            ? FloatVector.SPECIES_512
            : Species.LANES == 8 ? FloatVector.SPECIES_256 : FloatVector.SPECIES_128;

    private static final int CHAINS = 12;
    /** Products of bytes, and of short floats, in an instruction. */
    private static final int BYTES = 64;
    private static final int SHORTS = 32;

    private CoreLimits() {}

    /** Multiply-adds in a turn of {@link #products}; 0 if products with weights are made by F32 instructions here. */
    public static int productAdds() {
        return Int8.available() ? CHAINS * BYTES : Bf16.available() ? CHAINS * SHORTS : 0;
    }

    /** Multiply-adds that stay in registers, by the widest instruction that products with weights are made by; in microseconds. */
    public static void products(int turns) {
        MachineCode.call(Code.PRODUCTS, turns, 0, 0, 0, 0, 0);
    }

    /** Made when it is needed. */
    private static final class Code {
        private static final MemorySegment PRODUCTS = MachineCode.functions(List.of(chains(Int8.available()
                ? Evex.VPDPBUSD
                : Evex.VDPBF16PS)))[0];
    }

    /** {@code rdi} turns of an instruction in each register of twelve, of zeros. */
    private static byte[] chains(Evex op) {
        Assembler to = new Assembler();
        for (int i = 0; i <= CHAINS; i++) {
            to.op(Evex.VPXORD, ZMM, i, i, i);
        }
        int again = to.here();
        for (int i = 0; i < CHAINS; i++) {
            to.op(op, ZMM, i, CHAINS, CHAINS);
        }
        to.subtract(RDI, 1);
        to.jumpIfNotZero(again);
        to.returnFromVectors();
        return to.code();
    }

    /** Multiply-adds that stay in registers: more chains than latency times units of any core. */
    public static float multiplyAdds(int turns) {
        FloatVector f = FloatVector.broadcast(F, 0.999f);
        FloatVector a0 = f;
        FloatVector a1 = f;
        FloatVector a2 = f;
        FloatVector a3 = f;
        FloatVector a4 = f;
        FloatVector a5 = f;
        FloatVector a6 = f;
        FloatVector a7 = f;
        FloatVector a8 = f;
        FloatVector a9 = f;
        FloatVector a10 = f;
        FloatVector a11 = f;
        for (int i = 0; i < turns; i++) {
            a0 = a0.fma(f, f);
            a1 = a1.fma(f, f);
            a2 = a2.fma(f, f);
            a3 = a3.fma(f, f);
            a4 = a4.fma(f, f);
            a5 = a5.fma(f, f);
            a6 = a6.fma(f, f);
            a7 = a7.fma(f, f);
            a8 = a8.fma(f, f);
            a9 = a9.fma(f, f);
            a10 = a10.fma(f, f);
            a11 = a11.fma(f, f);
        }
        return a0.add(a1).add(a2).add(a3).add(a4.add(a5).add(a6).add(a7)).add(a8.add(a9).add(a10).add(a11))
                .reduceLanes(VectorOperators.ADD);
    }

    /** Reads memory in order; both ends are multiples of 256 bytes apart. */
    public static float sum(long from, long to) {
        FloatVector a = FloatVector.zero(F);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int step = F.vectorByteSize();
        for (long p = from; p < to; p += 4L * step) {
            a = a.add(FloatVector.fromMemorySegment(F, Memory.ALL, p, Memory.NATIVE));
            b = b.add(FloatVector.fromMemorySegment(F, Memory.ALL, p + step, Memory.NATIVE));
            c = c.add(FloatVector.fromMemorySegment(F, Memory.ALL, p + 2L * step, Memory.NATIVE));
            d = d.add(FloatVector.fromMemorySegment(F, Memory.ALL, p + 3L * step, Memory.NATIVE));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }
}
