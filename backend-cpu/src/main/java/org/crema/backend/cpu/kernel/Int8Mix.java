package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.RCX;
import static org.crema.backend.cpu.kernel.Assembler.RDI;
import static org.crema.backend.cpu.kernel.Assembler.RDX;
import static org.crema.backend.cpu.kernel.Assembler.RSI;
import static org.crema.backend.cpu.kernel.Assembler.RSP;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

/**
 * Writes the code that mixes the rows of a tile (see {@link Int8MatMul}), for products with a matrix that lies the other way round: {@code out[column] += sum
 * over rows of x[row] * w[row][column]}, in f32; nothing is rounded to integers but the weights, which are.
 *
 * <p>rdi is the first row of the tile, rsi rows, rdx a factor for each, rcx {@link MatKernel#SLICE} floats in the order of columns.
 */
final class Int8Mix {
    private static final int GROUPS = 16;
    private static final int VECTOR = 64;
    /** Sums are the registers below. */
    private static final int REST = GROUPS;
    private static final int SCALES = 17;
    private static final int X = 18;
    private static final int W = 19;
    private static final int ZERO = 20;
    /** Where the scales of a row, times its factor, are below the stack. */
    private static final int SCALED = -VECTOR;

    private Int8Mix() {}

    static byte[] code(Int8Order order) {
        boolean pairs = order.panelColumns() < MatKernel.SLICE;
        int parts = order.part() / GROUPS;
        Assembler to = new Assembler();
        for (int i = 0; i < GROUPS; i++) {
            to.op(Evex.VMOVUPS_LOAD, ZMM, i, at(RCX, column(order, pairs, i) * Float.BYTES));
        }
        to.op(Evex.VPXORD, ZMM, REST, REST, REST);
        to.fill(ZERO, Float.floatToRawIntBits(-order.zero()));
        int again = to.here();
        to.op(Evex.VBROADCASTSS, ZMM, X, at(RDX, 0));
        to.op(Evex.VMULPS, ZMM, SCALES, X, at(RDI, Int8MatMul.SCALES));
        to.op(Evex.VMOVUPS_STORE, ZMM, SCALES, at(RSP, SCALED));
        if (order.minima()) {
            to.op(Evex.VMULPS, ZMM, SCALES, X, at(RDI, Int8MatMul.MINIMA));
        }
        to.op(Evex.VFMADD231PS, ZMM, REST, SCALES, ZERO);
        for (int i = 0; i < GROUPS; i++) {
            to.op(Evex.VPMOVZXBD, ZMM, W, at(RDI, i * GROUPS));
            to.op(Evex.VCVTDQ2PS, ZMM, W, W);
            to.broadcast(Evex.VFMADD231PS, ZMM, i, W, at(RSP, SCALED + i / parts * Float.BYTES));
        }
        to.add(RDI, Int8MatMul.ROW_BYTES);
        to.add(RDX, Float.BYTES);
        to.subtract(RSI, 1);
        to.jumpIfNotZero(again);
        to.op(Evex.VMOVUPS_STORE, ZMM, REST, at(RSP, SCALED));
        for (int i = 0; i < GROUPS; i++) {
            to.op(Evex.VBROADCASTSS, ZMM, W, at(RSP, SCALED + i / parts * Float.BYTES));
            to.op(Evex.VADDPS, ZMM, i, i, W);
            to.op(Evex.VMOVUPS_STORE, ZMM, i, at(RCX, column(order, pairs, i) * Float.BYTES));
        }
        to.returnFromVectors();
        return to.code();
    }

    private static int column(Int8Order order, boolean pairs, int group) {
        return GROUPS * (pairs ? group : order.groups().get(group));
    }
}
