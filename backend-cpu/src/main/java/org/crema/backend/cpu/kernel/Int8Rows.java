package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.R10;
import static org.crema.backend.cpu.kernel.Assembler.R11;
import static org.crema.backend.cpu.kernel.Assembler.R8;
import static org.crema.backend.cpu.kernel.Assembler.R9;
import static org.crema.backend.cpu.kernel.Assembler.RAX;
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
import org.crema.backend.cpu.kernel.Int8Order.Sums;
import org.crema.kernels.quant.Codebook;
import org.crema.kernels.quant.QuantType;

/**
 * Writes the code that multiplies rows of one type with activations in {@link Int8Order}, by {@code vpdpbusd}: products of weights as unsigned
 * bytes with the integers, sums of four in 32 bits, then times the scales in floats.
 *
 * <p>Of few tokens: rdi is the first row, rsi bytes from row to row, rdx rows, rcx blocks of a row, r8 activations, r9 where a vector of 16 floats
 * for each row goes whose lanes add up to the product. Of many: the same, but r8 is where the bytes of each row and their scales go, for
 * {@link Int8MatMul}.
 */
final class Int8Rows {
    /** Sums of a row: of all weights, and of minima and zero points. */
    private static final int SUM = 0;
    private static final int REST = 1;
    // For one after the other: integers, and what they are made of.
    private static final int Q = 2;
    private static final int HIGH = 3;
    private static final int DOT = 4;
    private static final int FACTOR = 5;
    private static final int BITS = 6;
    private static final int FIELD = 7;
    private static final int D = 8;
    private static final int M = 9;
    /** Scales of a block. */
    private static final int SCALES = 10;
    private static final int MINIMA = 11;
    private static final int TEMPORARY = 12;
    /** Constants are registers from here on. */
    private static final int FIRST_CONSTANT = 13;

    private static final int VECTOR = 64;
    /** {@code vpternlogd}: first or (second and third). */
    private static final int OR_AND = 0xf8;
    private static final int LOW_NIBBLES = 0x0f0f0f0f;

    private static final List<Integer> IN_ORDER = IntStream.range(0, 16).boxed().toList();
    /** Of 64 bytes the low halves are two runs of 32 columns, the high ones the runs behind each. */
    private static final List<Integer> RUNS = List.of(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    /** Fields of two bits: a vector is a run of each half. */
    private static final List<Integer> QUARTERS = List.of(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    /** Bytes hold columns of which the high halves are 16 columns on. */
    private static final List<Integer> HALVES = List.of(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    private static final List<Integer> PAIR = List.of(0, 1, 2, 3);

    private final Assembler to = new Assembler();
    private final QuantType type;
    private final Int8Order order;
    /** Whether weights go to a tile; else they are multiplied. */
    private final boolean tile;
    private int constants = FIRST_CONSTANT;

    private Int8Rows(QuantType type, boolean tile) {
        this.type = type;
        this.tile = tile;
        this.order = order(type);
    }

    /** The order for a type; null if it has no code. */
    static Int8Order order(QuantType type) {
        return switch (type) {
            case Q2_K -> new Int8Order(256, QUARTERS, Sums.OF_16, 1);
            case Q3_K -> new Int8Order(256, QUARTERS, Sums.OF_16, 4);
            case Q4_K, Q5_K -> new Int8Order(256, RUNS, Sums.MINIMA, 1);
            case Q6_K -> new Int8Order(256, IN_ORDER, Sums.OF_16, 32);
            case IQ4_XS -> new Int8Order(256, HALVES, Sums.OF_32, 128);
            case Q4_0 -> new Int8Order(64, PAIR, Sums.LANES, 8);
            case Q4_1, Q5_1 -> new Int8Order(64, PAIR, Sums.LANES, 1);
            case Q5_0 -> new Int8Order(64, PAIR, Sums.LANES, 16);
            case Q8_0, IQ4_NL -> new Int8Order(64, PAIR, Sums.LANES, 128);
            default -> null;
        };
    }

    /** The code that multiplies rows of a type that has an {@link #order}. */
    static byte[] rows(QuantType type) {
        return new Int8Rows(type, false).code();
    }

    /** The code that writes a tile of rows. */
    static byte[] tile(QuantType type) {
        return new Int8Rows(type, true).code();
    }

    private byte[] code() {
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
    private interface Block {
        void write(Width width);
    }

    /** Loads the constants of the type and gives the code for a block. */
    private Block block() {
        return switch (type) {
            case Q2_K -> q2K();
            case Q3_K -> q3K();
            case Q4_K -> q45K(false);
            case Q5_K -> q45K(true);
            case Q6_K -> q6K();
            case IQ4_XS -> iq4Xs();
            case Q4_0 -> small(2, false, -1, null);
            case Q4_1 -> small(4, true, -1, null);
            case Q5_0 -> small(6, false, 2, null);
            case Q5_1 -> small(8, true, 4, null);
            case IQ4_NL -> small(2, false, -1, levels());
            case Q8_0 -> q80();
            default -> throw new IllegalArgumentException(type + " has no products of integers");
        };
    }

    private int constant(int... lanes) {
        to.fill(constants, lanes);
        return constants++;
    }

    /** Indices of the scale of each lane of a vector, {@code lanes} lanes for a scale. */
    private int places(int lanes, int... places) {
        return constant(IntStream.range(0, 16).map(i -> places[i / lanes]).toArray());
    }

    private void clear(Width width, int register) {
        to.op(Evex.VPXORD, width, register, register, register);
    }

    /** A half in all lanes. */
    private void half(Width width, int register, int displacement) {
        to.op(Evex.VPBROADCASTW, width == ZMM ? YMM : XMM, register, at(RAX, displacement));
        to.op(Evex.VCVTPH2PS, width, register, register);
    }

    /** Multiplies a vector of weights by integers of the unit, and its lanes by scales; or writes it to the tile. */
    private void weights(int register, int index, int places) {
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
    private int parts(IntUnaryOperator lane) {
        return tile
                ? constant(IntStream.range(0, 16).map(i -> i < order.columns() / order.part() ? lane.applyAsInt(i) : 0).toArray())
                : 0;
    }

    /** Writes scales to the tile. */
    private void scales(int register, int parts) {
        to.op(Evex.VPERMPS, ZMM, FACTOR, parts, register);
        to.op(Evex.VMOVUPS_STORE, ZMM, FACTOR, at(R9, Int8MatMul.SCALES));
    }

    /** Writes minima to the tile. */
    private void minima(int register, int parts) {
        to.op(Evex.VPERMPS, ZMM, FACTOR, parts, register);
        to.op(Evex.VMOVUPS_STORE, ZMM, FACTOR, at(R9, Int8MatMul.MINIMA));
    }

    private Memory floats(int vector) {
        return at(R10, order.columns() + vector * VECTOR);
    }

    /** {@code register |= from & mask} */
    private void orAnd(Width width, int register, int from, int mask) {
        to.op(Evex.VPTERNLOGD, width, register, from, mask, OR_AND);
    }

    /**
     * Q4_K: d, dmin, 12 bytes of scales and minima in six bits, 64 bytes twice. Q5_K: the same with 32 bytes before the last, bit j of a byte being
     * the fifth of run j.
     */
    private Block q45K(boolean fifth) {
        int nibbles = constant(LOW_NIBBLES);
        int shifts = constant(0, 0, 0, 4);
        int lower = constant(0x3f3f3f3f, 0x3f3f3f3f, LOW_NIBBLES, LOW_NIBBLES);
        int upper = constant(0, 0, 0x30303030, 0x30303030);
        int dOrM = constant(0, 0, 0, 0, 1, 1, 1, 1);
        int[] places = {places(8, 0, 2), places(8, 1, 3), places(8, 8, 10), places(8, 9, 11)};
        int sixteen = fifth ? constant(0x10101010) : 0;
        int[] turns = new int[4];
        for (int i = 0; fifth && i < 4; i++) {
            int run = i / 2 * 4 + i % 2;
            turns[i] = constant(IntStream.range(0, 16).map(lane -> 4 - (run + lane / 8 * 2) & 31).toArray());
        }
        int scaleParts = parts(i -> Int8Order.MINIMA_PLACES[order.block(i)]);
        int minimaParts = parts(i -> Int8Order.MINIMA_PLACES[order.block(i)] + 4);
        to.setMask(1, 0xf0f0);
        int quants = fifth ? 48 : 16;
        return width -> {
            to.op(Evex.VMOVD_LOAD, XMM, D, at(RAX, 0));
            to.op(Evex.VCVTPH2PS, XMM, D, D);
            to.op(Evex.VPERMPS, ZMM, D, dOrM, D);
            // Four scales, four minima, four and four more: of the first eight all bits, of the others the lower and the upper bits.
            to.op(Evex.VMOVDQU32_LOAD, XMM, TEMPORARY, at(RAX, 4));
            to.op(Evex.VPSHUFD, XMM, SCALES, 0, TEMPORARY, 0b10_10_01_00);
            to.op(Evex.VPSRLVD, XMM, SCALES, SCALES, shifts);
            to.op(Evex.VPANDD, XMM, SCALES, SCALES, lower);
            to.op(Evex.VPSHUFD, XMM, TEMPORARY, 0, TEMPORARY, 0b01_00_01_00);
            to.shiftRight(XMM, TEMPORARY, TEMPORARY, 2);
            orAnd(XMM, SCALES, TEMPORARY, upper);
            to.op(Evex.VPMOVZXBD, ZMM, SCALES, SCALES);
            to.op(Evex.VCVTDQ2PS, ZMM, SCALES, SCALES);
            to.op(Evex.VMULPS, ZMM, SCALES, SCALES, D);
            if (tile) {
                scales(SCALES, scaleParts);
                minima(SCALES, minimaParts);
            } else {
                to.op(Evex.VMULPS, ZMM, SCALES, SCALES, floats(0));
                to.masked(1).op(Evex.VADDPS, ZMM, REST, REST, SCALES);
            }
            if (fifth) {
                to.op(Evex.VBROADCASTI64X4, ZMM, BITS, at(RAX, 16));
            }
            for (int i = 0; i < 4; i += 2) {
                to.op(Evex.VMOVDQU32_LOAD, ZMM, Q, at(RAX, quants + i / 2 * VECTOR));
                to.shiftRight(ZMM, HIGH, Q, 4);
                to.op(Evex.VPANDD, ZMM, Q, Q, nibbles);
                to.op(Evex.VPANDD, ZMM, HIGH, HIGH, nibbles);
                for (int j = 0; fifth && j < 2; j++) {
                    to.op(Evex.VPROLVD, ZMM, FIELD, BITS, turns[i + j]);
                    orAnd(ZMM, Q + j, FIELD, sixteen);
                }
                weights(Q, i, places[i]);
                weights(HIGH, i + 1, places[i + 1]);
            }
        };
    }

    /** Q6_K: 64 bytes of low nibbles twice, 32 of two high bits twice, 16 scales, d. */
    private Block q6K() {
        int nibbles = constant(LOW_NIBBLES);
        int upper = constant(0x30303030);
        int[] turns = {constant(IntStream.range(0, 16).map(lane -> lane < 8 ? 4 : 2).toArray()),
            constant(IntStream.range(0, 16).map(lane -> lane < 8 ? 0 : 30).toArray())};
        int[] places = IntStream.range(0, 4).map(i -> places(4, 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3)).toArray();
        int parts = parts(order.groups()::get);
        return width -> {
            half(ZMM, D, 208);
            to.op(Evex.VPMOVSXBD, ZMM, SCALES, at(RAX, 192));
            scales16(parts);
            for (int i = 0; i < 4; i += 2) {
                to.op(Evex.VMOVDQU32_LOAD, ZMM, Q, at(RAX, i / 2 * VECTOR));
                to.op(Evex.VBROADCASTI64X4, ZMM, BITS, at(RAX, 128 + i / 2 * 32));
                to.shiftRight(ZMM, HIGH, Q, 4);
                for (int j = 0; j < 2; j++) {
                    to.op(Evex.VPANDD, ZMM, Q + j, Q + j, nibbles);
                    to.op(Evex.VPROLVD, ZMM, FIELD, BITS, turns[j]);
                    orAnd(ZMM, Q + j, FIELD, upper);
                    weights(Q + j, i + j, places[i + j]);
                }
            }
        };
    }

    /** Sixteen scales as integers, to floats: times d, the zero points' sums, times the activations' scales. */
    private void scales16(int parts) {
        to.op(Evex.VCVTDQ2PS, ZMM, SCALES, SCALES);
        to.op(Evex.VMULPS, ZMM, SCALES, SCALES, D);
        if (tile) {
            scales(SCALES, parts);
            return;
        }
        to.op(Evex.VFMADD231PS, ZMM, REST, SCALES, floats(1));
        to.op(Evex.VMULPS, ZMM, SCALES, SCALES, floats(0));
    }

    private int[] quarterPlaces() {
        return IntStream.range(0, 4).map(i -> places(4, 2 * i, 2 * i + 1, 2 * i + 8, 2 * i + 9)).toArray();
    }

    /** Q3_K: 32 bytes of third bits, bit j of a byte being that of run j; 64 bytes of two bits, 12 of scales in six bits, d. */
    private Block q3K() {
        int two = constant(0x03030303);
        int third = constant(0x04040404);
        int halves = constant(IntStream.range(0, 16).map(lane -> lane / 8 * 4).toArray());
        int[] turns = IntStream.range(0, 4).map(i -> constant(2 - i & 31)).toArray();
        int[] places = quarterPlaces();
        // The scales end a vector that begins two bytes before them.
        int low = constant(0x05040302, 0x09080706, 0x05040302, 0x09080706);
        int high = constant(0x0d0c0b0a);
        int shifts = constant(0, 0, 4, 4);
        int highTurns = constant(4, 2, 0, 30);
        int zero = constant(0x20202020);
        int parts = parts(order.groups()::get);
        int nibbles = constant(LOW_NIBBLES);
        int upper = constant(0x30303030);
        return width -> {
            half(ZMM, D, 108);
            to.op(Evex.VMOVDQU32_LOAD, XMM, TEMPORARY, at(RAX, 94));
            to.op(Evex.VPSHUFB, XMM, SCALES, TEMPORARY, low);
            to.op(Evex.VPSRLVD, XMM, SCALES, SCALES, shifts);
            to.op(Evex.VPANDD, XMM, SCALES, SCALES, nibbles);
            to.op(Evex.VPSHUFB, XMM, TEMPORARY, TEMPORARY, high);
            to.op(Evex.VPROLVD, XMM, TEMPORARY, TEMPORARY, highTurns);
            orAnd(XMM, SCALES, TEMPORARY, upper);
            to.op(Evex.VPSUBB, XMM, SCALES, SCALES, zero);
            to.op(Evex.VPMOVSXBD, ZMM, SCALES, SCALES);
            scales16(parts);
            to.op(Evex.VBROADCASTI64X4, ZMM, BITS, at(RAX, 0));
            to.op(Evex.VPSRLVD, ZMM, BITS, BITS, halves);
            to.op(Evex.VMOVDQU32_LOAD, ZMM, HIGH, at(RAX, 32));
            for (int i = 0; i < 4; i++) {
                quarter(i, two);
                to.op(Evex.VPROLVD, ZMM, FIELD, BITS, turns[i]);
                orAnd(ZMM, Q, FIELD, third);
                weights(Q, i, places[i]);
            }
        };
    }

    /** Two bits of each byte. */
    private void quarter(int index, int mask) {
        if (index == 0) {
            to.op(Evex.VPANDD, ZMM, Q, HIGH, mask);
        } else {
            to.shiftRight(ZMM, Q, HIGH, 2 * index);
            to.op(Evex.VPANDD, ZMM, Q, Q, mask);
        }
    }

    /** Q2_K: 16 bytes with a scale and a minimum in a nibble each, 64 bytes of two bits, d, dmin. */
    private Block q2K() {
        int two = constant(0x03030303);
        int nibbles = constant(LOW_NIBBLES);
        int[] places = quarterPlaces();
        int parts = parts(order.groups()::get);
        return width -> {
            half(ZMM, D, 80);
            half(ZMM, M, 82);
            to.op(Evex.VMOVDQU32_LOAD, XMM, SCALES, at(RAX, 0));
            to.shiftRight(XMM, MINIMA, SCALES, 4);
            to.op(Evex.VPANDD, XMM, SCALES, SCALES, nibbles);
            to.op(Evex.VPANDD, XMM, MINIMA, MINIMA, nibbles);
            to.op(Evex.VPMOVZXBD, ZMM, SCALES, SCALES);
            to.op(Evex.VPMOVZXBD, ZMM, MINIMA, MINIMA);
            to.op(Evex.VCVTDQ2PS, ZMM, SCALES, SCALES);
            to.op(Evex.VCVTDQ2PS, ZMM, MINIMA, MINIMA);
            to.op(Evex.VMULPS, ZMM, SCALES, SCALES, D);
            to.op(Evex.VMULPS, ZMM, MINIMA, MINIMA, M);
            if (tile) {
                scales(SCALES, parts);
                minima(MINIMA, parts);
            } else {
                to.op(Evex.VMULPS, ZMM, SCALES, SCALES, floats(0));
                to.op(Evex.VFMADD231PS, ZMM, REST, MINIMA, floats(1));
            }
            to.op(Evex.VMOVDQU32_LOAD, ZMM, HIGH, at(RAX, 16));
            for (int i = 0; i < 4; i++) {
                quarter(i, two);
                weights(Q, i, places[i]);
            }
        };
    }

    /** IQ4_XS: d, two upper bits and four lower bits of eight scales, 64 bytes twice of indices of levels. */
    private Block iq4Xs() {
        int nibbles = constant(LOW_NIBBLES);
        int levels = levels();
        int low = constant(0, 4, 8, 12, 16, 20, 24, 28);
        int high = constant(4, 2, 0, 30, 28, 26, 24, 22);
        int lower = constant(0x0f);
        int upper = constant(0x30);
        int zero = constant(32);
        int[] places = {places(4, 0, 1, 2, 3), places(4, 4, 5, 6, 7)};
        int parts = parts(order::block);
        return width -> {
            half(YMM, D, 0);
            to.op(Evex.VPBROADCASTD, YMM, SCALES, at(RAX, 4));
            to.op(Evex.VPBROADCASTD, YMM, TEMPORARY, at(RAX, 2));
            to.op(Evex.VPSRLVD, YMM, SCALES, SCALES, low);
            to.op(Evex.VPROLVD, YMM, TEMPORARY, TEMPORARY, high);
            to.op(Evex.VPANDD, YMM, SCALES, SCALES, lower);
            orAnd(YMM, SCALES, TEMPORARY, upper);
            to.op(Evex.VPSUBD, YMM, SCALES, SCALES, zero);
            to.op(Evex.VCVTDQ2PS, YMM, SCALES, SCALES);
            to.op(Evex.VMULPS, YMM, SCALES, SCALES, D);
            if (tile) {
                scales(SCALES, parts);
            } else {
                to.op(Evex.VMULPS, YMM, MINIMA, SCALES, at(R10, order.columns() + 32));
                to.op(Evex.VADDPS, ZMM, REST, REST, MINIMA);
                to.op(Evex.VMULPS, YMM, SCALES, SCALES, floats(0));
            }
            for (int i = 0; i < 4; i += 2) {
                to.op(Evex.VMOVDQU32_LOAD, ZMM, Q, at(RAX, 8 + i / 2 * VECTOR));
                to.shiftRight(ZMM, HIGH, Q, 4);
                for (int j = 0; j < 2; j++) {
                    to.op(Evex.VPANDD, ZMM, Q + j, Q + j, nibbles);
                    to.op(Evex.VPSHUFB, ZMM, Q + j, levels, Q + j);
                    weights(Q + j, i + j, places[i / 2]);
                }
            }
        };
    }

    /** The levels of IQ4_NL and IQ4_XS, 128 more than they are. */
    private int levels() {
        int[] lanes = new int[4];
        byte[] values = Codebook.KVALUES_IQ4NL.bytes();
        for (int i = 0; i < 16; i++) {
            lanes[i / 4] |= values[i] + 128 << i % 4 * Byte.SIZE;
        }
        return constant(lanes);
    }

    /**
     * Pairs of blocks of 32 that begin with d: 16 bytes whose high halves are 16 columns on.
     *
     * @param quants where they are
     * @param minima whether a minimum follows d
     * @param bits where fifth bits are; negative without
     * @param levels register of what they are indices of; null if numbers
     */
    private Block small(int quants, boolean minima, int bits, Integer levels) {
        int nibbles = constant(LOW_NIBBLES);
        int shifts = constant(0, 0, 0, 0, 4, 4, 4, 4);
        int sixteen = constant(0x10101010);
        int parts = parts(i -> 8 * i);
        to.setMask(1, 0xff00);
        int bytes = type.blockBytes();
        return width -> {
            pairOfHalves(width, D, 0);
            to.op(Evex.VBROADCASTI32X4, width, Q, at(RAX, quants));
            if (width == ZMM) {
                to.masked(1).op(Evex.VBROADCASTI32X4, ZMM, Q, at(RAX, bytes + quants));
            }
            to.op(Evex.VPSRLVD, width, Q, Q, shifts);
            to.op(Evex.VPANDD, width, Q, Q, nibbles);
            if (bits >= 0) {
                to.loadMask32(3, RAX, bits);
                if (width == ZMM) {
                    to.loadMask32(4, RAX, bytes + bits);
                    to.joinMasks(3, 4, 3);
                }
                to.masked(3).op(Evex.VPADDB, width, Q, Q, sixteen);
            }
            if (levels != null) {
                to.op(Evex.VPSHUFB, width, Q, levels, Q);
            }
            if (minima) {
                pairOfHalves(width, M, 2);
            }
            pair(width, parts, minima);
        };
    }

    /** Weights and scales of a pair of blocks, multiplied by a unit, or written to the tile. */
    private void pair(Width width, int parts, boolean minima) {
        if (tile) {
            to.op(Evex.VMOVDQU32_STORE, width, Q, at(R10, 0));
            ofPair(width, D, parts, Int8MatMul.SCALES);
            if (minima) {
                // These are added, where those of the K-quants are subtracted.
                clear(ZMM, FACTOR);
                to.op(Evex.VSUBPS, ZMM, M, FACTOR, M);
                ofPair(width, M, parts, Int8MatMul.MINIMA);
            }
            return;
        }
        to.op(Evex.VMULPS, width, D, D, at(R10, 2 * VECTOR));
        if (minima) {
            to.op(Evex.VMULPS, width, M, M, at(R10, 2 * VECTOR));
            to.op(Evex.VCVTDQ2PS, width, DOT, at(R10, VECTOR));
            to.op(Evex.VFNMADD231PS, ZMM, REST, DOT, M);
            clear(ZMM, DOT);
        } else {
            to.op(Evex.VMOVDQU32_LOAD, width, DOT, at(R10, VECTOR));
        }
        to.op(Evex.VPDPBUSD, width, DOT, Q, at(R10, 0));
        to.op(Evex.VCVTDQ2PS, width, DOT, DOT);
        to.op(Evex.VFMADD231PS, ZMM, SUM, DOT, D);
    }

    private void ofPair(Width width, int register, int parts, int displacement) {
        to.op(Evex.VPERMPS, ZMM, FACTOR, parts, register);
        to.op(width == ZMM ? Evex.VMOVQ_STORE : Evex.VMOVD_STORE, XMM, FACTOR, at(R9, displacement));
    }

    /** A half of each block of a pair, in the lanes of that block. */
    private void pairOfHalves(Width width, int register, int displacement) {
        to.op(Evex.VPBROADCASTW, width == ZMM ? YMM : XMM, register, at(RAX, displacement));
        if (width == ZMM) {
            to.masked(1).op(Evex.VPBROADCASTW, YMM, register, at(RAX, type.blockBytes() + displacement));
        }
        to.op(Evex.VCVTPH2PS, width, register, register);
    }

    /** Q8_0: d and 32 bytes. */
    private Block q80() {
        int sign = constant(0x80808080);
        int parts = parts(i -> 8 * i);
        to.setMask(1, 0xff00);
        return width -> {
            pairOfHalves(width, D, 0);
            to.op(Evex.VMOVDQU32_LOAD, YMM, Q, at(RAX, 2));
            if (width == ZMM) {
                to.op(Evex.VINSERTI64X4, ZMM, Q, Q, at(RAX, type.blockBytes() + 2), 1);
            }
            to.op(Evex.VPXORD, width, Q, Q, sign);
            pair(width, parts, false);
        };
    }
}
