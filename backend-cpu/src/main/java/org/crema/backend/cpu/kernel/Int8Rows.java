package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.R10;
import static org.crema.backend.cpu.kernel.Assembler.R11;
import static org.crema.backend.cpu.kernel.Assembler.R8;
import static org.crema.backend.cpu.kernel.Assembler.R9;
import static org.crema.backend.cpu.kernel.Assembler.RAX;
import static org.crema.backend.cpu.kernel.Assembler.RBP;
import static org.crema.backend.cpu.kernel.Assembler.RBX;
import static org.crema.backend.cpu.kernel.Assembler.RCX;
import static org.crema.backend.cpu.kernel.Assembler.RDI;
import static org.crema.backend.cpu.kernel.Assembler.RDX;
import static org.crema.backend.cpu.kernel.Assembler.RSI;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Evex.Width.XMM;
import static org.crema.backend.cpu.kernel.Evex.Width.YMM;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.crema.backend.cpu.kernel.Assembler.Memory;
import org.crema.backend.cpu.kernel.Evex.Width;
import org.crema.kernels.quant.QuantType;

/**
 * Writes the code that multiplies rows of one type with activations in {@link Int8Order}, by {@code vpdpbusd}: products of weights as unsigned
 * bytes with the integers, sums of four in 32 bits, then times the scales in floats.
 *
 * <p>Of few tokens: rdi is the first row, rsi bytes from row to row, rdx rows, rcx blocks of a row, r8 activations, r9 where a vector of 16 floats
 * for each row goes whose lanes add up to the product. Of many: the same, but r8 is where the bytes of each row and their scales go, for
 * {@link Int8MatMul}.
 */
abstract sealed class Int8Rows permits Int8Bits, Int8Grids {
    /** Sums of a row: of all weights, and of minima and zero points. */
    static final int SUM = 0;
    static final int REST = 1;
    // For one after the other: integers, and what they are made of.
    static final int Q = 2;
    static final int HIGH = 3;
    static final int DOT = 4;
    static final int FACTOR = 5;
    static final int BITS = 6;
    static final int FIELD = 7;
    static final int D = 8;
    static final int M = 9;
    /** Scales of a block. */
    static final int SCALES = 10;
    static final int MINIMA = 11;
    static final int TEMPORARY = 12;
    /** Constants are registers from here on. */
    private static final int FIRST_CONSTANT = 13;
    private static final int LAST_REGISTER = 31;

    static final int VECTOR = 64;
    /** {@code vpternlogd}: first or (second and third). */
    private static final int OR_AND = 0xf8;
    static final int LOW_NIBBLES = 0x0f0f0f0f;

    /** 256 columns as they are. */
    static final List<Integer> IN_ORDER = IntStream.range(0, 16).boxed().toList();

    final Assembler to = new Assembler();
    final QuantType type;
    final Int8Order order;
    /** Whether weights go to a tile; else they are multiplied. */
    final boolean tile;
    int constants = FIRST_CONSTANT;

    Int8Rows(QuantType type, boolean tile) {
        this.type = type;
        this.tile = tile;
        this.order = order(type);
    }

    /** The order for a type; null if it has no code. */
    static Int8Order order(QuantType type) {
        Int8Order order = Int8Bits.order(type);
        return order == null ? Int8Grids.order(type) : order;
    }

    /** The code that multiplies rows of a type that has an {@link #order}. */
    static byte[] rows(QuantType type) {
        return of(type, false).code();
    }

    /** The code that writes a tile of rows. */
    static byte[] tile(QuantType type) {
        return of(type, true).code();
    }

    private static Int8Rows of(QuantType type, boolean tile) {
        return Int8Bits.order(type) == null ? new Int8Grids(type, tile) : new Int8Bits(type, tile);
    }

    private byte[] code() {
        to.push(RBX);
        to.push(RBP);
        Block block = block();
        int row = to.here();
        to.move(RAX, RDI);
        to.move(R11, RCX);
        to.move(R10, R8);
        if (tile) {
            to.move(R9, R8);
        } else {
            clear(ZMM, SUM);
            clear(ZMM, REST);
        }
        if (type.blockSize() == order.columns()) {
            int again = to.here();
            block.write(ZMM);
            advance(1);
            to.subtract(R11, 1);
            to.jumpIfNotZero(again);
        } else {
            to.subtract(R11, 2);
            int one = to.jumpAheadIfNegative();
            int again = to.here();
            block.write(ZMM);
            advance(2);
            to.subtract(R11, 2);
            to.jumpIfNotNegative(again);
            to.land(one);
            to.add(R11, 2);
            int none = to.jumpAheadIfZero();
            block.write(YMM);
            to.land(none);
        }
        if (tile) {
            to.add(R8, Int8MatMul.ROW_BYTES);
        } else {
            to.op(Evex.VADDPS, ZMM, SUM, SUM, REST);
            to.op(Evex.VMOVUPS_STORE, ZMM, SUM, at(R9, 0));
            to.add(R9, VECTOR);
        }
        to.addRegister(RDI, RSI);
        to.subtract(RDX, 1);
        to.jumpIfNotZero(row);
        to.pop(RBP);
        to.pop(RBX);
        to.returnFromVectors();
        return to.code();
    }

    /** Goes on to the next unit of activations, or of the tile. */
    private void advance(int blocks) {
        to.add(RAX, blocks * type.blockBytes());
        to.add(R10, tile ? order.columns() : order.bytes());
        if (tile) {
            to.add(R9, order.columns() / order.part() * Float.BYTES);
        }
    }

    /** Code that adds up the lanes of four times rsi vectors at rdi, to as many floats at rdx. */
    static byte[] adding() {
        Assembler to = new Assembler();
        int again = to.here();
        for (int i = 0; i < 4; i++) {
            to.op(Evex.VMOVUPS_LOAD, ZMM, i, at(RDI, i * VECTOR));
        }
        // Of two vectors: lanes 0 and 2, 1 and 3 of each quarter.
        for (int i = 0; i < 4; i += 2) {
            to.op(Evex.VUNPCKLPS, ZMM, 4, i, i + 1);
            to.op(Evex.VUNPCKHPS, ZMM, 5, i, i + 1);
            to.op(Evex.VADDPS, ZMM, i, 4, 5);
        }
        // Of all four: what is left of each quarter.
        to.op(Evex.VUNPCKLPD, ZMM, 4, 0, 2);
        to.op(Evex.VUNPCKHPD, ZMM, 5, 0, 2);
        to.op(Evex.VADDPS, ZMM, 0, 4, 5);
        for (int swap : new int[] {0x4e, 0xb1}) {
            to.op(Evex.VSHUFF32X4, ZMM, 1, 0, 0, swap);
            to.op(Evex.VADDPS, ZMM, 0, 0, 1);
        }
        to.op(Evex.VMOVUPS_STORE, XMM, 0, at(RDX, 0));
        to.add(RDI, 4 * VECTOR);
        to.add(RDX, 4 * Float.BYTES);
        to.subtract(RSI, 1);
        to.jumpIfNotZero(again);
        to.returnFromVectors();
        return to.code();
    }

    /** Code for a block at rax and activations at r10; of a pair of small blocks, or in the lower halves of the registers for one. */
    interface Block {
        void write(Width width);
    }

    /** Loads the constants of the type and gives the code for a block. */
    abstract Block block();

    int constant(int... lanes) {
        if (constants > LAST_REGISTER) {
            throw new IllegalStateException(type + " has more constants than there are registers");
        }
        to.fill(constants, lanes);
        return constants++;
    }

    /** Indices of the scale of each lane of a vector, {@code lanes} lanes for a scale. */
    int places(int lanes, int... places) {
        return constant(IntStream.range(0, 16).map(i -> places[i / lanes]).toArray());
    }

    /** Of four vectors, with a scale for 16 columns in their order. */
    int[] placesInOrder() {
        return IntStream.range(0, 4).map(i -> places(4, 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3)).toArray();
    }

    void clear(Width width, int register) {
        to.op(Evex.VPXORD, width, register, register, register);
    }

    /** A half in all lanes. */
    void half(Width width, int register, int displacement) {
        to.op(Evex.VPBROADCASTW, width == ZMM ? YMM : XMM, register, at(RAX, displacement));
        to.op(Evex.VCVTPH2PS, width, register, register);
    }

    /** Multiplies a vector of weights by integers of the unit, and its lanes by scales; or writes it to the tile. */
    void weights(int register, int index, int places) {
        if (tile) {
            to.op(Evex.VMOVDQU32_STORE, ZMM, register, at(R10, index * VECTOR));
            return;
        }
        clear(ZMM, DOT);
        to.op(Evex.VPDPBUSD, ZMM, DOT, register, at(R10, index * VECTOR));
        to.op(Evex.VCVTDQ2PS, ZMM, DOT, DOT);
        to.op(Evex.VPERMPS, ZMM, FACTOR, places, SCALES);
        to.op(Evex.VFMADD231PS, ZMM, index % 2 == 0 ? SUM : REST, DOT, FACTOR);
    }

    /** Which of 16 lanes is the scale of each part of a tile's row. */
    int parts(IntUnaryOperator lane) {
        return tile
                ? constant(IntStream.range(0, 16).map(i -> i < order.columns() / order.part() ? lane.applyAsInt(i) : 0).toArray())
                : 0;
    }

    /** Writes scales to the tile. */
    void scales(int register, int parts) {
        to.op(Evex.VPERMPS, ZMM, FACTOR, parts, register);
        to.op(Evex.VMOVUPS_STORE, ZMM, FACTOR, at(R9, Int8MatMul.SCALES));
    }

    /** Writes minima to the tile. */
    void minima(int register, int parts) {
        to.op(Evex.VPERMPS, ZMM, FACTOR, parts, register);
        to.op(Evex.VMOVUPS_STORE, ZMM, FACTOR, at(R9, Int8MatMul.MINIMA));
    }

    Memory floats(int vector) {
        return at(R10, order.columns() + vector * VECTOR);
    }

    /** {@code register |= from & mask} */
    void orAnd(Width width, int register, int from, int mask) {
        to.op(Evex.VPTERNLOGD, width, register, from, mask, OR_AND);
    }

    /** Sixteen scales as integers, to floats: times d, the zero points' sums, times the activations' scales. */
    void scales16(int parts) {
        to.op(Evex.VCVTDQ2PS, ZMM, SCALES, SCALES);
        to.op(Evex.VMULPS, ZMM, SCALES, SCALES, D);
        if (tile) {
            scales(SCALES, parts);
            return;
        }
        to.op(Evex.VFMADD231PS, ZMM, REST, SCALES, floats(1));
        to.op(Evex.VMULPS, ZMM, SCALES, SCALES, floats(0));
    }
}
