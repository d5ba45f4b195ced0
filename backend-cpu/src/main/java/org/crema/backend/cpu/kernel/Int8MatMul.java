package org.crema.backend.cpu.kernel;

import static org.crema.backend.cpu.kernel.Assembler.R10;
import static org.crema.backend.cpu.kernel.Assembler.R11;
import static org.crema.backend.cpu.kernel.Assembler.R9;
import static org.crema.backend.cpu.kernel.Assembler.RAX;
import static org.crema.backend.cpu.kernel.Assembler.RCX;
import static org.crema.backend.cpu.kernel.Assembler.RDI;
import static org.crema.backend.cpu.kernel.Assembler.RDX;
import static org.crema.backend.cpu.kernel.Assembler.RSI;
import static org.crema.backend.cpu.kernel.Assembler.at;
import static org.crema.backend.cpu.kernel.Evex.Width.ZMM;

import java.lang.foreign.MemorySegment;
import org.crema.kernels.quant.QuantType;

/**
 * Products of many tokens with weights as bytes and activations in 8-bit integers.
 *
 * <p>A panel has room for {@link #TOKENS} tokens, whatever the number; slices of {@link MatKernel#SLICE} columns, in {@link Int8Order}, are each
 *
 * <pre>
 * [columns / 4][token] four integers | [part][token] scales | [part][token] sums
 * </pre>
 *
 * where the sums are those of {@link Int8Order}: floats for minima, integers (times minus the zero point) else. A row of a tile is
 *
 * <pre>
 * [column] bytes | [part] scales | [part] minima
 * </pre>
 */
final class Int8MatMul extends TiledMatMul {
    static final int TOKENS = 64;
    /** Four integers, or a float, of all tokens. */
    static final int VECTOR_BYTES = TOKENS * Integer.BYTES;
    /** Most parts of a slice. */
    private static final int PARTS = 16;
    /** In a tile's row. */
    static final int SCALES = MatKernel.SLICE;
    static final int MINIMA = SCALES + PARTS * Float.BYTES;
    static final int ROW_BYTES = MINIMA + PARTS * Float.BYTES;
    /** Vectors of a full panel. */
    static final int MOST_VECTORS = 4;

    private static final int VECTOR = 64;
    /** Rows times vectors that are worked on together: as many sums in integers, in registers from 0 on, as in floats. */
    private static final int SUMS = 12;
    private static final int FLOATS = SUMS;
    private static final int X = FLOATS + SUMS;
    private static final int W = X + MOST_VECTORS;

    private final QuantType type;
    private final Int8Order order;
    private final MemorySegment pack;
    private final MemorySegment tile;
    private final MemorySegment[] kernels;

    /**
     * @param pack by {@link Int8Order#panelPacking}
     * @param tile by {@link Int8Rows#tile}
     * @param kernels by {@link #kernel}, for each number of vectors
     */
    Int8MatMul(QuantType type, Int8Order order, MemorySegment pack, MemorySegment tile, MemorySegment[] kernels) {
        this.type = type;
        this.order = order;
        this.pack = pack;
        this.tile = tile;
        this.kernels = kernels;
    }

    /** Rows that a kernel works on, for a panel of so many vectors; divides {@link Gemm#TILE_ROWS}. */
    private static int step(int vectors) {
        return SUMS / vectors;
    }

    /**
     * Code for {@code sums[row][lane] += rows times panel}, over parts: rdi first row of a tile, rsi slice of a panel, rdx sums, rcx
     * parts.
     */
    static byte[] kernel(int vectors, int part, boolean minima) {
        int rows = step(vectors);
        int scales = MatKernel.SLICE / 4 * VECTOR_BYTES;
        int sums = MatKernel.SLICE / part * VECTOR_BYTES;
        Assembler to = new Assembler();
        for (int i = 0; i < SUMS; i++) {
            to.op(Evex.VMOVUPS_LOAD, ZMM, FLOATS + i, at(RDX, i * VECTOR));
        }
        to.move(R10, RDI);
        to.move(RAX, RDI);
        to.move(R11, RSI);
        to.move(R9, RSI);
        int again = to.here();
        for (int i = 0; i < SUMS; i++) {
            if (minima) {
                to.op(Evex.VPXORD, ZMM, i, i, i);
            } else {
                to.op(Evex.VMOVDQU32_LOAD, ZMM, i, at(R9, scales + sums + i % vectors * VECTOR));
            }
        }
        for (int k = 0; k < part / 4; k++) {
            load(to, vectors, R11, k * VECTOR_BYTES);
            for (int r = 0; r < rows; r++) {
                to.op(Evex.VPBROADCASTD, ZMM, W, at(R10, r * ROW_BYTES + k * 4));
                for (int v = 0; v < vectors; v++) {
                    to.op(Evex.VPDPBUSD, ZMM, r * vectors + v, W, X + v);
                }
            }
        }
        load(to, vectors, R9, scales);
        for (int i = 0; i < SUMS; i++) {
            to.op(Evex.VCVTDQ2PS, ZMM, i, i);
            to.op(Evex.VMULPS, ZMM, i, i, X + i % vectors);
            to.broadcast(Evex.VFMADD231PS, ZMM, FLOATS + i, i, at(RAX, SCALES + i / vectors * ROW_BYTES));
        }
        if (minima) {
            load(to, vectors, R9, scales + sums);
            for (int i = 0; i < SUMS; i++) {
                to.broadcast(Evex.VFMADD231PS, ZMM, FLOATS + i, X + i % vectors, at(RAX, MINIMA + i / vectors * ROW_BYTES));
            }
        }
        to.add(R10, part);
        to.add(RAX, Float.BYTES);
        to.add(R11, part / 4 * VECTOR_BYTES);
        to.add(R9, VECTOR_BYTES);
        to.subtract(RCX, 1);
        to.jumpIfNotZero(again);
        for (int i = 0; i < SUMS; i++) {
            to.op(Evex.VMOVUPS_STORE, ZMM, FLOATS + i, at(RDX, i * VECTOR));
        }
        to.returnFromVectors();
        return to.code();
    }

    private static void load(Assembler to, int vectors, int base, int displacement) {
        for (int v = 0; v < vectors; v++) {
            to.op(Evex.VMOVDQU32_LOAD, ZMM, X + v, at(base, displacement + v * VECTOR));
        }
    }

    @Override
    public Object form() {
        return order;
    }

    private long sliceBytes() {
        return (MatKernel.SLICE / 4 + 2 * MatKernel.SLICE / order.part()) * (long) VECTOR_BYTES;
    }

    private long panelBytes(int columns) {
        return Math.ceilDiv(columns, MatKernel.SLICE) * sliceBytes();
    }

    @Override
    public long panelBytes(int tokens, int columns) {
        return Gemm.panels(tokens) * panelBytes(columns);
    }

    @Override
    public void packPanels(long x, long xStride, int[] rows, int firstToken, int tokens, int columns, int firstPanel,
            int lastPanel,
            long panels, Gemm.Scratch scratch) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            long to = panels + panel * panelBytes(columns);
            int count = Math.min(tokens - panel * TOKENS, TOKENS);
            for (int t = 0; t < count; t++) {
                int token = firstToken + panel * TOKENS + t;
                long from = x + (rows == null ? token : rows[token]) * xStride * Float.BYTES;
                long slice = to + (long) t * Integer.BYTES;
                for (int column = 0; column < columns; column += MatKernel.SLICE, slice += sliceBytes()) {
                    int width = Math.min(MatKernel.SLICE, columns - column);
                    MachineCode.call(pack, from + (long) column * Float.BYTES, width / order.panelColumns(), slice,
                            slice + MatKernel.SLICE / 4 * VECTOR_BYTES, 0, 0);
                }
            }
        }
    }

    @Override
    void tile(long weights, long rowBytes, int row, int rows, int columns, long panels, int tokens, int first, int end,
            Gemm.Scratch scratch) {
        int floats = (end - first) * Gemm.SUMS;
        long bytes = scratch.nativeTile();
        long sums = scratch.nativeSums();
        Memory.ALL.asSlice(sums, (long) floats * Float.BYTES).fill((byte) 0);
        for (int column = 0; column < columns; column += MatKernel.SLICE) {
            int width = Math.min(MatKernel.SLICE, columns - column);
            MachineCode.call(tile, weights + row * rowBytes + type.rowBytes(column), rowBytes, rows, width / type.blockSize(),
                    bytes, 0);
            for (int panel = first; panel < end; panel++) {
                int vectors = Gemm.vectors(tokens, panel);
                int step = step(vectors);
                long x = panels + panel * panelBytes(columns) + column / MatKernel.SLICE * sliceBytes();
                long to = sums + (long) (panel - first) * Gemm.SUMS * Float.BYTES;
                for (int r = 0; r < rows; r += step) {
                    // Rows of the tile behind the last are whatever was there before: their sums are not stored.
                    MachineCode.call(kernels[vectors - 1], bytes + (long) r * ROW_BYTES, x, to + (long) r * vectors * VECTOR,
                            width / order.part(), 0, 0);
                }
            }
        }
        MemorySegment.copy(Memory.ALL, Memory.F32, sums, scratch.sums, 0, floats);
    }
}
