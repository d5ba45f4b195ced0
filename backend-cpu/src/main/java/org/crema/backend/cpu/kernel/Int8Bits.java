package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.R10;
import static org.crema.backend.cpu.kernel.Assembler.R9;
import static org.crema.backend.cpu.kernel.Assembler.RAX;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Evex.Width.XMM;
import static org.crema.backend.cpu.kernel.Evex.Width.YMM;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.util.List;
import java.util.stream.IntStream;
import org.crema.backend.cpu.kernel.Evex.Width;
import org.crema.backend.cpu.kernel.Int8Order.Sums;
import org.crema.kernels.quant.Codebook;
import org.crema.kernels.quant.QuantType;

/** The types whose weights are fields of bits: K-quants and legacy types, and those with 16 levels. */
final class Int8Bits extends Int8Rows {
    /** Of 64 bytes the low halves are two runs of 32 columns, the high ones the runs behind each. */
    private static final List<Integer> RUNS = List.of(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    /** Fields of two bits: a vector is a run of each half. */
    private static final List<Integer> QUARTERS = List.of(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    /** Bytes hold columns of which the high halves are 16 columns on. */
    private static final List<Integer> HALVES = List.of(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    private static final List<Integer> PAIR = List.of(0, 1, 2, 3);

    Int8Bits(QuantType type, boolean tile) {
        super(type, tile);
    }

    /** The order for a type; null if it is not one of these. */
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

    @Override
    Block block() {
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
        int[] places = placesInOrder();
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
