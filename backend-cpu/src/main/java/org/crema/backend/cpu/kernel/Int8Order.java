package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.RCX;
import static org.crema.backend.cpu.kernel.Assembler.RDI;
import static org.crema.backend.cpu.kernel.Assembler.RDX;
import static org.crema.backend.cpu.kernel.Assembler.RSI;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Evex.Width.XMM;
import static org.crema.backend.cpu.kernel.Evex.Width.YMM;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.util.List;

/**
 * How {@link Int8} keeps a vector of activations: for each block of 32, {@code scale = max |x| / 127} and the nearest integers of {@code x / scale}. A
 * unit of columns is its integers, in the order in which a kernel takes its weights, and then floats: scales, and sums of what a
 * weight that is not stored would be multiplied by (the zero point of a type, or a minimum).
 *
 * @param columns of a unit
 * @param groups which 16 columns stand at each place
 * @param sums what the floats are
 * @param zero what {@link Sums} are multiplied by: the stored weight that stands for zero, 1 for types with minima
 */
record Int8Order(int columns, List<Integer> groups, Sums sums, int zero) {
    /** Columns with a scale of their own. */
    static final int BLOCK = 32;

    /** The floats of a unit. */
    enum Sums {
        /** 16 scales, one for 16 columns; 16 sums of 16 columns, times minus zero and scale. */
        OF_16(32),
        /** 8 scales; 8 sums of 32 columns, times minus zero and scale. */
        OF_32(16),
        /** The same in the order of {@link #MINIMA_PLACES}. */
        MINIMA(16),
        /** For each vector of integers: sums of its lanes of four times minus zero, as integers; scales, each in eight lanes. */
        LANES(32);

        final int floats;

        Sums(int floats) {
            this.floats = floats;
        }
    }

    private static final int GROUP = 16;
    /** Where the scale of a block stands; its sum is four places on. */
    static final int[] MINIMA_PLACES = {0, 1, 2, 3, 8, 9, 10, 11};

    private static final int X = 2;
    private static final int LARGEST = 4;
    private static final int OTHER = 5;
    private static final int SUM = 6;
    private static final int MINUS = 8;
    private static final int ABSOLUTE = 16;
    private static final int MOST = 17;
    private static final int STEP = 18;
    private static final int ZERO = 19;
    private static final int SIGN = 20;
    private static final int HALVES = 0x4e;
    private static final int NEIGHBOURS = 0xb1;

    /** Bytes of a unit. */
    int bytes() {
        return columns + sums.floats * Float.BYTES;
    }

    /** Bytes of a vector; the last unit may be filled in part. */
    long bytes(int count) {
        return (long) Math.ceilDiv(count, columns) * bytes();
    }

    /** Whether the kernel has minima; else a zero point. */
    boolean minima() {
        return zero == 1;
    }

    /** Columns, of those that follow each other in this order, that have a scale of their own for weights and activations. */
    int part() {
        return sums == Sums.OF_16 || sums == Sums.OF_32 ? GROUP : BLOCK;
    }

    /** The block of 32 columns that a part is of. */
    int block(int part) {
        return groups.get(part * part() / GROUP) * GROUP / BLOCK;
    }

    /**
     * Code that packs units: rdi activations, rsi number of units, rdx to.
     *
     * @param columns of a unit: all, or {@link #BLOCK} for half a unit of {@link Sums#LANES}
     */
    byte[] packing(int columns) {
        Assembler to = new Assembler();
        constants(to);
        int again = to.here();
        for (int block = 0; block < columns / BLOCK; block++) {
            block(to, block);
            storeInRow(to, block);
        }
        to.add(RDI, columns * Float.BYTES);
        to.add(RDX, bytes());
        to.subtract(RSI, 1);
        to.jumpIfNotZero(again);
        to.returnFromVectors();
        return to.code();
    }

    /**
     * Code that packs a token's slice of a panel (see {@link Int8MatMul}): rdi activations, rsi how many times {@link #panelColumns}, rdx to the token's
     * first integers, rcx to its first scale.
     */
    byte[] panelPacking() {
        Assembler to = new Assembler();
        constants(to);
        int again = to.here();
        for (int block = 0; block < panelColumns() / BLOCK; block++) {
            block(to, block);
            storeInPanel(to, block);
        }
        to.add(RDI, panelColumns() * Float.BYTES);
        to.add(RDX, panelColumns() * Int8MatMul.TOKENS);
        to.add(RCX, panelColumns() / part() * Int8MatMul.VECTOR_BYTES);
        to.subtract(RSI, 1);
        to.jumpIfNotZero(again);
        to.returnFromVectors();
        return to.code();
    }

    /** Columns after which the order in panels repeats. */
    int panelColumns() {
        return sums == Sums.LANES ? BLOCK : columns;
    }

    private void constants(Assembler to) {
        to.fill(ABSOLUTE, 0x7fffffff);
        to.fill(MOST, Float.floatToRawIntBits(127));
        to.fill(STEP, Float.floatToRawIntBits(1f / 127));
        to.fill(ZERO, zero * 0x01010101);
        to.fill(SIGN, 0x80000000);
    }

    /** The integers of a block in two registers, sums of four of them times zero in two more, scale and minus scale. */
    private void block(Assembler to, int block) {
        for (int i = 0; i < 2; i++) {
            to.op(Evex.VMOVUPS_LOAD, ZMM, X + i, at(RDI, (2 * block + i) * 64));
        }
        to.op(Evex.VPANDD, ZMM, LARGEST, ABSOLUTE, X);
        to.op(Evex.VPANDD, ZMM, OTHER, ABSOLUTE, X + 1);
        // As integers: NaN is larger than all numbers, so it is not lost.
        to.op(Evex.VPMAXSD, ZMM, LARGEST, LARGEST, OTHER);
        for (int swap : new int[] {HALVES, NEIGHBOURS}) {
            to.op(Evex.VSHUFF32X4, ZMM, OTHER, LARGEST, LARGEST, swap);
            to.op(Evex.VPMAXSD, ZMM, LARGEST, LARGEST, OTHER);
        }
        for (int swap : new int[] {HALVES, NEIGHBOURS}) {
            to.op(Evex.VPSHUFD, XMM, OTHER, 0, LARGEST, swap);
            to.op(Evex.VPMAXSD, XMM, LARGEST, LARGEST, OTHER);
        }
        to.op(Evex.VDIVPS, XMM, OTHER, MOST, LARGEST);
        to.op(Evex.VBROADCASTSS, ZMM, OTHER, OTHER);
        to.op(Evex.VMULPS, XMM, LARGEST, LARGEST, STEP);
        to.op(Evex.VPXORD, XMM, MINUS, LARGEST, SIGN);
        for (int i = 0; i < 2; i++) {
            int x = X + i;
            int sum = SUM + i;
            to.op(Evex.VMULPS, ZMM, x, x, OTHER);
            to.op(Evex.VCVTPS2DQ, ZMM, x, x);
            to.op(Evex.VPMOVSDB, ZMM, x, x);
            to.op(Evex.VPXORD, XMM, sum, sum, sum);
            to.op(Evex.VPDPBUSD, XMM, sum, ZERO, x);
        }
    }

    private void storeInRow(Assembler to, int block) {
        for (int i = 0; i < 2; i++) {
            to.op(Evex.VMOVDQU32_STORE, XMM, X + i, at(RDX, groups.indexOf(2 * block + i) * GROUP));
        }
        int floats = columns + (sums == Sums.LANES ? block * BLOCK : 0);
        switch (sums) {
            case LANES -> {
                for (int i = 0; i < 2; i++) {
                    to.op(Evex.VPXORD, XMM, OTHER, OTHER, OTHER);
                    to.op(Evex.VPSUBD, XMM, SUM + i, OTHER, SUM + i);
                    to.op(Evex.VMOVDQU32_STORE, XMM, SUM + i, at(RDX, floats + i * GROUP));
                }
                to.op(Evex.VBROADCASTSS, YMM, LARGEST, LARGEST);
                to.op(Evex.VMOVUPS_STORE, YMM, LARGEST, at(RDX, floats + 64));
            }
            case OF_16 -> {
                for (int i = 0; i < 2; i++) {
                    to.op(Evex.VMOVSS_STORE, XMM, LARGEST, at(RDX, floats + (2 * block + i) * Float.BYTES));
                    sum(to, SUM + i, at(RDX, floats + (16 + 2 * block + i) * Float.BYTES));
                }
            }
            default -> {
                int scale = sums == Sums.MINIMA ? MINIMA_PLACES[block] : block;
                int sum = scale + (sums == Sums.MINIMA ? 4 : 8);
                to.op(Evex.VMOVSS_STORE, XMM, LARGEST, at(RDX, floats + scale * Float.BYTES));
                to.op(Evex.VPADDD, XMM, SUM, SUM, SUM + 1);
                sum(to, SUM, at(RDX, floats + sum * Float.BYTES));
            }
        }
    }

    private void storeInPanel(Assembler to, int block) {
        for (int i = 0; i < 2; i++) {
            int place = groups.indexOf(2 * block + i);
            for (int j = 0; j < 4; j++) {
                to.op(Evex.VPEXTRD_STORE, XMM, X + i, 0, at(RDX, (4 * place + j) * Int8MatMul.VECTOR_BYTES), j);
            }
            if (part() == GROUP) {
                scaleInPanel(to, place, SUM + i);
            }
        }
        if (part() == BLOCK) {
            to.op(Evex.VPADDD, XMM, SUM, SUM, SUM + 1);
            scaleInPanel(to, groups.indexOf(2 * block) / 2, SUM);
        }
    }

    /** The scale of a part, and behind all scales of the slice its sum: floats times minus scale for minima, else the integer itself. */
    private void scaleInPanel(Assembler to, int part, int sum) {
        to.op(Evex.VMOVSS_STORE, XMM, LARGEST, at(RCX, part * Int8MatMul.VECTOR_BYTES));
        Assembler.Memory place = at(RCX, (MatKernel.SLICE / part() + part) * Int8MatMul.VECTOR_BYTES);
        if (minima()) {
            sum(to, sum, place);
        } else {
            addLanes(to, sum);
            to.op(Evex.VPXORD, XMM, OTHER, OTHER, OTHER);
            to.op(Evex.VPSUBD, XMM, sum, OTHER, sum);
            to.op(Evex.VMOVD_STORE, XMM, sum, place);
        }
    }

    private static void addLanes(Assembler to, int register) {
        for (int swap : new int[] {HALVES, NEIGHBOURS}) {
            to.op(Evex.VPSHUFD, XMM, OTHER, 0, register, swap);
            to.op(Evex.VPADDD, XMM, register, register, OTHER);
        }
    }

    /** Adds up four lanes and stores them times minus the scale. */
    private static void sum(Assembler to, int register, Assembler.Memory place) {
        addLanes(to, register);
        to.op(Evex.VCVTDQ2PS, XMM, register, register);
        to.op(Evex.VMULPS, XMM, register, register, MINUS);
        to.op(Evex.VMOVSS_STORE, XMM, register, place);
    }
}
