package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.RAX;
import static org.crema.backend.cpu.kernel.Assembler.RBP;
import static org.crema.backend.cpu.kernel.Assembler.RBX;
import static org.crema.backend.cpu.kernel.Assembler.RSP;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Assembler.entry;
import static org.crema.backend.cpu.kernel.Evex.Width.XMM;
import static org.crema.backend.cpu.kernel.Evex.Width.YMM;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.crema.backend.cpu.kernel.Assembler.Memory;
import org.crema.backend.cpu.kernel.Int8Order.Sums;
import org.crema.kernels.quant.Codebook;
import org.crema.kernels.quant.QuantType;

/**
 * The types whose weights are points of a grid, looked up in a table behind the code: four or eight magnitudes with signs, or eight values with their
 * delta (IQ1). Indices that have to be put together are, all at once, and left below the stack, from where each is read.
 */
final class Int8Grids extends Int8Rows {
    /** Added to weights, so that they are not negative. */
    private static final int ZERO = 64;
    private static final int ZERO_IQ1 = 16;

    // Below the stack.
    private static final int INDICES = -128;
    private static final int SIGNS = -64;

    private static final int MASK = 1;
    /** What points are gathered in. */
    private static final int[] QUARTERS = {Q, BITS, FIELD, MINIMA};
    private static final int EIGHT = 8;

    Int8Grids(QuantType type, boolean tile) {
        super(type, tile);
    }

    /** The order for a type; null if it is not one of these. */
    static Int8Order order(QuantType type) {
        return switch (type) {
            case IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S -> new Int8Order(256, IN_ORDER, Sums.OF_16, ZERO);
            case IQ1_S, IQ1_M -> new Int8Order(256, IN_ORDER, Sums.OF_16, ZERO_IQ1);
            default -> null;
        };
    }

    @Override
    Block block() {
        return switch (type) {
            case IQ2_XXS -> iq2Xxs();
            case IQ2_XS -> iq2Xs();
            case IQ2_S -> iq2S();
            case IQ3_XXS -> iq3Xxs();
            case IQ3_S -> iq3S();
            case IQ1_S -> iq1S();
            case IQ1_M -> iq1M();
            default -> throw new IllegalArgumentException(type + " has no grid");
        };
    }

    private void table(byte[] points) {
        to.addressOf(RBX, to.constant(points));
    }

    private static Memory wordBelow(int i) {
        return at(RSP, INDICES + Short.BYTES * i);
    }

    /** What finds the points, and their signs. */
    private final class Points {
        private final boolean words;
        private final IntFunction<Memory> index;
        private final int size;
        private final IntFunction<Memory> signs;
        private final int zero;
        private final int nothing;
        private final int[] places;
        private final int parts;

        /**
         * @param words whether an index has two bytes
         * @param index where the index of each point is
         * @param size bytes of a point, four or eight
         * @param signs where the signs of 64 weights are; null if points have theirs and are not negative
         */
        Points(boolean words, IntFunction<Memory> index, int size, IntFunction<Memory> signs) {
            this.words = words;
            this.index = index;
            this.size = size;
            this.signs = signs;
            zero = signs == null ? 0 : constant(ZERO * 0x01010101);
            nothing = signs == null ? 0 : constant(0);
            places = placesInOrder();
            parts = parts(order.groups()::get);
        }

        /** Of a block whose scales are ready as integers, and d. */
        void write() {
            scales16(parts);
            int each = 16 / size;
            for (int i = 0; i < 4; i++) {
                for (int q = 0; q < 4; q++) {
                    for (int p = 0; p < each; p++) {
                        point(QUARTERS[q], p, (4 * i + q) * each + p);
                    }
                    if (q > 0) {
                        to.op(Evex.VINSERTI32X4, ZMM, Q, Q, QUARTERS[q], q);
                    }
                }
                if (signs != null) {
                    to.loadMask64(MASK, signs.apply(i));
                    to.masked(MASK).op(Evex.VPSUBB, ZMM, Q, nothing, Q);
                    to.op(Evex.VPADDB, ZMM, Q, Q, zero);
                }
                weights(Q, i, places[i]);
            }
        }

        private void point(int register, int place, int number) {
            if (words) {
                to.loadWord(RBP, index.apply(number));
            } else {
                to.loadByte(RBP, index.apply(number));
            }
            if (size == EIGHT) {
                if (place == 0) {
                    to.op(Evex.VMOVQ_LOAD, XMM, register, entry(RBX, RBP, 3));
                } else {
                    to.op(Evex.VPINSRQ, XMM, register, register, entry(RBX, RBP, 3), place);
                }
            } else if (place == 0) {
                to.op(Evex.VMOVD_LOAD, XMM, register, entry(RBX, RBP, 2));
            } else {
                to.op(Evex.VPINSRD, XMM, register, register, entry(RBX, RBP, 2), place);
            }
        }
    }

    /** Signs of eight weights from indices of seven bits: the eighth bit makes their number even. */
    private final class EvenSigns {
        private final int nibbles = constant(LOW_NIBBLES);
        private final int upper = constant(0x07070707);
        private final int low = nibbleTable(n -> n | Integer.bitCount(n) % 2 << 7);
        private final int high = nibbleTable(n -> n << 4 & 0x70 | Integer.bitCount(n) % 2 << 7);

        private int nibbleTable(IntUnaryOperator value) {
            int[] lanes = new int[4];
            for (int n = 0; n < 16; n++) {
                lanes[n / 4] |= (value.applyAsInt(n) & 255) << n % 4 * Byte.SIZE;
            }
            return constant(lanes);
        }

        /** From bytes of seven bits, to bytes of eight. */
        void write(int register) {
            to.shiftRight(ZMM, HIGH, register, 4);
            to.op(Evex.VPANDD, ZMM, register, register, nibbles);
            to.op(Evex.VPANDD, ZMM, HIGH, HIGH, upper);
            to.op(Evex.VPSHUFB, ZMM, register, low, register);
            to.op(Evex.VPSHUFB, ZMM, HIGH, high, HIGH);
            to.op(Evex.VPXORD, ZMM, register, register, HIGH);
        }
    }

    /** Of eight words with four indices of signs, to 32 bytes below the stack. */
    private final class PackedSigns {
        private final EvenSigns even = new EvenSigns();
        private final int first = constant(0x7f);
        private final int[] others = {constant(0x7f00), constant(0x7f0000), constant(0x7f000000)};

        void write(int words) {
            to.op(Evex.VPANDD, YMM, Q, words, first);
            for (int i = 0; i < others.length; i++) {
                to.shiftLeft(YMM, BITS, words, i + 1);
                orAnd(YMM, Q, BITS, others[i]);
            }
            even.write(Q);
            to.op(Evex.VMOVDQU32_STORE, YMM, Q, at(RSP, SIGNS));
        }
    }

    private static Memory signsBelow(int i) {
        return at(RSP, SIGNS + i * Long.BYTES);
    }

    /** s to 2s + 1. */
    private void odd(int ones) {
        to.op(Evex.VPADDD, ZMM, SCALES, SCALES, SCALES);
        to.op(Evex.VPORD, ZMM, SCALES, SCALES, ones);
    }

    /** d of the block, times a power of two. */
    private void scaleOfBlock(int factor) {
        half(ZMM, D, 0);
        to.op(Evex.VMULPS, ZMM, D, D, factor);
    }

    private int floats(float value) {
        return constant(Float.floatToRawIntBits(value));
    }

    /** 32 bits of each group: a byte for each of four points, then their signs and the scale. */
    private Block iq2Xxs() {
        table(Codebook.IQ2XXS_GRID.bytes());
        int eighth = floats(0.125f);
        int ones = constant(1);
        int second = constant(1, 3, 5, 7, 9, 11, 13, 15);
        PackedSigns packed = new PackedSigns();
        Points points = new Points(false, i -> at(RAX, 2 + i / 4 * 8 + i % 4), EIGHT, Int8Grids::signsBelow);
        return width -> {
            scaleOfBlock(eighth);
            to.op(Evex.VMOVDQU32_LOAD, ZMM, TEMPORARY, at(RAX, 2));
            to.op(Evex.VPSHUFD, ZMM, SCALES, 0, TEMPORARY, 0b11_11_01_01);
            to.op(Evex.VPERMPS, ZMM, TEMPORARY, second, TEMPORARY);
            to.shiftRight(ZMM, SCALES, SCALES, 28);
            odd(ones);
            packed.write(TEMPORARY);
            points.write();
        };
    }

    /** 16 bits for each point: nine of its index, seven of its signs; four bits of a scale for 16 weights. */
    private Block iq2Xs() {
        table(Codebook.IQ2XS_GRID.bytes());
        int eighth = floats(0.125f);
        NibbleScales scales = new NibbleScales(66);
        EvenSigns even = new EvenSigns();
        int index = constant(0x01ff01ff);
        Points points = new Points(true, Int8Grids::wordBelow, EIGHT, Int8Grids::signsBelow);
        return width -> {
            scaleOfBlock(eighth);
            scales.write();
            to.op(Evex.VMOVDQU32_LOAD, ZMM, Q, at(RAX, 2));
            to.op(Evex.VPANDD, ZMM, TEMPORARY, Q, index);
            to.op(Evex.VMOVDQU32_STORE, ZMM, TEMPORARY, at(RSP, INDICES));
            to.shiftWordsRight(ZMM, Q, Q, 9);
            even.write(Q);
            to.op(Evex.VPMOVWB, ZMM, Q, at(RSP, SIGNS));
            points.write();
        };
    }

    /** Sixteen scales of four bits, as 2s + 1. */
    private final class NibbleScales {
        private final int at;
        private final int nibble = constant(0x0f);
        private final int shifts = constant(0, 4);
        private final int ones = constant(1);

        NibbleScales(int at) {
            this.at = at;
        }

        void write() {
            to.op(Evex.VPMOVZXBQ, ZMM, SCALES, at(RAX, at));
            to.op(Evex.VPSHUFD, ZMM, SCALES, 0, SCALES, 0b10_10_00_00);
            to.op(Evex.VPSRLVD, ZMM, SCALES, SCALES, shifts);
            to.op(Evex.VPANDD, ZMM, SCALES, SCALES, nibble);
            odd(ones);
        }
    }

    /** Eight bits of each index, a byte of signs for each point, two more bits of each index, scales as in IQ2_XS. */
    private Block iq2S() {
        table(Codebook.IQ2S_GRID.bytes());
        int eighth = floats(0.125f);
        NibbleScales scales = new NibbleScales(74);
        int spread = constant(0x80008000, 0x80008000, 0x80088008, 0x80088008);
        int shifts = constant(8 | 6 << 16, 4 | 2 << 16);
        int upper = constant(0x03000300);
        Points points = new Points(true, Int8Grids::wordBelow, EIGHT, i -> at(RAX, 34 + i * Long.BYTES));
        return width -> {
            scaleOfBlock(eighth);
            scales.write();
            to.op(Evex.VPMOVZXBW, ZMM, Q, at(RAX, 2));
            to.op(Evex.VPMOVZXBQ, ZMM, TEMPORARY, at(RAX, 66));
            to.op(Evex.VPSHUFB, ZMM, TEMPORARY, TEMPORARY, spread);
            to.op(Evex.VPSLLVW, ZMM, TEMPORARY, TEMPORARY, shifts);
            orAnd(ZMM, Q, TEMPORARY, upper);
            to.op(Evex.VMOVDQU32_STORE, ZMM, Q, at(RSP, INDICES));
            points.write();
        };
    }

    /** A byte for each point of four, then for each group 32 bits of signs and scale as in IQ2_XXS. */
    private Block iq3Xxs() {
        table(Codebook.IQ3XXS_GRID.bytes());
        int quarter = floats(0.25f);
        int ones = constant(1);
        PackedSigns packed = new PackedSigns();
        Points points = new Points(false, i -> at(RAX, 2 + i), 4, Int8Grids::signsBelow);
        return width -> {
            scaleOfBlock(quarter);
            to.op(Evex.VPMOVZXDQ, ZMM, SCALES, at(RAX, 66));
            to.op(Evex.VPSHUFD, ZMM, SCALES, 0, SCALES, 0b10_10_00_00);
            to.shiftRight(ZMM, SCALES, SCALES, 28);
            odd(ones);
            to.op(Evex.VMOVDQU32_LOAD, YMM, TEMPORARY, at(RAX, 66));
            packed.write(TEMPORARY);
            points.write();
        };
    }

    /** A byte for each point of four, a ninth bit of each, a byte of signs for two points, four bits of a scale for each group. */
    private Block iq3S() {
        table(Codebook.IQ3S_GRID.bytes());
        int nibble = constant(0x0f);
        int shifts = constant(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28);
        int ones = constant(1);
        int ninth = constant(0x01000100);
        Points points = new Points(true, Int8Grids::wordBelow, 4, i -> at(RAX, 74 + i * Long.BYTES));
        return width -> {
            half(ZMM, D, 0);
            to.op(Evex.VPBROADCASTD, ZMM, SCALES, at(RAX, 106));
            to.op(Evex.VPSRLVD, ZMM, SCALES, SCALES, shifts);
            to.op(Evex.VPANDD, ZMM, SCALES, SCALES, nibble);
            odd(ones);
            for (int i = 0; i < 2; i++) {
                to.loadMask32(MASK, RAX, 66 + 4 * i);
                to.op(Evex.VPMOVZXBW, ZMM, Q, at(RAX, 2 + 32 * i));
                to.masked(MASK).op(Evex.VPADDW, ZMM, Q, Q, ninth);
                to.op(Evex.VMOVDQU32_STORE, ZMM, Q, at(RSP, INDICES + 64 * i));
            }
            points.write();
        };
    }

    /** Eight times each value and its delta, moved up; the sign of the delta is bit 11 of the index. */
    private static byte[] withDelta() {
        byte[] points = Tables.IQ1.clone();
        for (int i = 0; i < points.length; i++) {
            points[i] = (byte) (points[i] + ZERO_IQ1);
        }
        return points;
    }

    /** Eight bits of each index; for each group 16 bits: three more bits of four indices, scale, sign of delta. */
    private Block iq1S() {
        table(withDelta());
        int eighth = floats(0.125f);
        int three = constant(7);
        int ones = constant(1);
        int spread = constant(0x01000100, 0x01000100, 0x09080908, 0x09080908);
        int left = constant(8 | 5 << 16, 2 | 16 << 16);
        int right = constant(16 | 16 << 16, 16 | 1 << 16);
        int upper = constant(0x07000700);
        int sign = constant(0x08000800);
        Points points = new Points(true, Int8Grids::wordBelow, EIGHT, null);
        return width -> {
            scaleOfBlock(eighth);
            to.op(Evex.VPMOVZXWQ, ZMM, TEMPORARY, at(RAX, 34));
            to.op(Evex.VPSHUFD, ZMM, SCALES, 0, TEMPORARY, 0b10_10_00_00);
            to.shiftRight(ZMM, SCALES, SCALES, 12);
            to.op(Evex.VPANDD, ZMM, SCALES, SCALES, three);
            odd(ones);
            to.op(Evex.VPSHUFB, ZMM, TEMPORARY, TEMPORARY, spread);
            to.op(Evex.VPMOVZXBW, ZMM, Q, at(RAX, 2));
            to.op(Evex.VPSLLVW, ZMM, HIGH, TEMPORARY, left);
            orAnd(ZMM, Q, HIGH, upper);
            to.op(Evex.VPSRLVW, ZMM, HIGH, TEMPORARY, right);
            orAnd(ZMM, Q, HIGH, upper);
            to.shiftWordsRight(ZMM, HIGH, TEMPORARY, 4);
            orAnd(ZMM, Q, HIGH, sign);
            to.op(Evex.VMOVDQU32_STORE, ZMM, Q, at(RSP, INDICES));
            points.write();
        };
    }

    /** Eight bits of each index; four bits for each: three more and the sign of delta; four words of scales of three bits and four bits of d. */
    private Block iq1M() {
        table(withDelta());
        int eighth = floats(0.125f);
        int three = constant(7);
        int ones = constant(1);
        // Word q of four for the lanes of quarter q.
        int spread = constant(IntStream.range(0, 16).map(lane -> 0x80800100 + lane / 4 * 0x0202).toArray());
        int shifts = constant(0, 3, 6, 9);
        int both = constant(0x80008000, 0x80048004, 0x80088008, 0x800c800c);
        int wordShifts = constant(8 | 4 << 16);
        int upper = constant(0x0f000f00);
        Memory topBits = to
                .constant(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0xf000f000f000f000L).array());
        Points points = new Points(true, Int8Grids::wordBelow, EIGHT, null);
        return width -> {
            to.load(RBP, at(RAX, 48));
            to.extractBits(RBP, topBits);
            to.toVector(D, RBP);
            to.op(Evex.VCVTPH2PS, XMM, D, D);
            to.op(Evex.VBROADCASTSS, ZMM, D, D);
            to.op(Evex.VMULPS, ZMM, D, D, eighth);
            to.op(Evex.VPBROADCASTQ, ZMM, SCALES, at(RAX, 48));
            to.op(Evex.VPSHUFB, ZMM, SCALES, SCALES, spread);
            to.op(Evex.VPSRLVD, ZMM, SCALES, SCALES, shifts);
            to.op(Evex.VPANDD, ZMM, SCALES, SCALES, three);
            odd(ones);
            // Each byte of four bits twice is that of two points: to both words of a pair.
            to.op(Evex.VPMOVZXBD, ZMM, TEMPORARY, at(RAX, 32));
            to.op(Evex.VPSHUFB, ZMM, TEMPORARY, TEMPORARY, both);
            to.op(Evex.VPSLLVW, ZMM, TEMPORARY, TEMPORARY, wordShifts);
            to.op(Evex.VPMOVZXBW, ZMM, Q, at(RAX, 0));
            orAnd(ZMM, Q, TEMPORARY, upper);
            to.op(Evex.VMOVDQU32_STORE, ZMM, Q, at(RSP, INDICES));
            points.write();
        };
    }
}
