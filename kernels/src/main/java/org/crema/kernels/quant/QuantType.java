package org.crema.kernels.quant;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * The tensor types of GGUF files. A row is a sequence of blocks; a block holds {@link #blockSize} weights in {@link #blockBytes}
 * bytes. Names, ids and layouts are those of GGML; the scalar {@link #codec} is this project's definition of each format. A new
 * type is one line here and one method in its family's file.
 */
public enum QuantType {
    F32(0, 1, 4, PlainBlocks::f32),
    F16(1, 1, 2, PlainBlocks::f16),
    Q4_0(2, 32, 18, LegacyBlocks::q4_0),
    Q4_1(3, 32, 20, LegacyBlocks::q4_1),
    Q5_0(6, 32, 22, LegacyBlocks::q5_0),
    Q5_1(7, 32, 24, LegacyBlocks::q5_1),
    Q8_0(8, 32, 34, LegacyBlocks::q8_0),
    Q2_K(10, 256, 84, KBlocks::q2_K),
    Q3_K(11, 256, 110, KBlocks::q3_K),
    Q4_K(12, 256, 144, KBlocks::q4_K),
    Q5_K(13, 256, 176, KBlocks::q5_K),
    Q6_K(14, 256, 210, KBlocks::q6_K),
    Q8_K(15, 256, 292, KBlocks::q8_K),
    IQ2_XXS(16, 256, 66, Iq2Blocks::iq2_xxs),
    IQ2_XS(17, 256, 74, Iq2Blocks::iq2_xs),
    IQ3_XXS(18, 256, 98, Iq3Blocks::iq3_xxs),
    IQ1_S(19, 256, 50, Iq1Blocks::iq1_s),
    IQ4_NL(20, 32, 18, Iq4Blocks::iq4_nl),
    IQ3_S(21, 256, 110, Iq3Blocks::iq3_s),
    IQ2_S(22, 256, 82, Iq2Blocks::iq2_s),
    IQ4_XS(23, 256, 136, Iq4Blocks::iq4_xs),
    IQ1_M(29, 256, 56, Iq1Blocks::iq1_m),
    BF16(30, 1, 2, PlainBlocks::bf16),
    TQ1_0(34, 256, 54, TernaryBlocks::tq1_0),
    TQ2_0(35, 256, 66, TernaryBlocks::tq2_0),
    MXFP4(39, 32, 17, Fp4Blocks::mxfp4),
    NVFP4(40, 64, 36, Fp4Blocks::nvfp4),
    Q1_0(41, 128, 18, LegacyBlocks::q1_0),
    Q2_0(42, 64, 18, LegacyBlocks::q2_0);

    private static final QuantType[] BY_ID = new QuantType[64];

    static {
        for (QuantType type : values()) {
            BY_ID[type.id] = type;
        }
    }

    private final int id;
    private final int blockSize;
    private final int blockBytes;
    @SuppressWarnings("ImmutableEnumChecker") // codecs have no state
    private final Codec codec;

    QuantType(int id, int blockSize, int blockBytes, BlockDecoder decoder) {
        this.id = id;
        this.blockSize = blockSize;
        this.blockBytes = blockBytes;
        this.codec = new BlockCodec(name(), blockSize, blockBytes, decoder);
    }

    /** The type with this GGML id, or nothing if there is none that a current file may hold. */
    public static Optional<QuantType> ofId(int id) {
        return id < 0 || id >= BY_ID.length ? Optional.empty() : Optional.ofNullable(BY_ID[id]);
    }

    /** The number that stands for this type in GGUF files ({@code ggml_type}). */
    public int id() {
        return id;
    }

    /** Weights per block. */
    public int blockSize() {
        return blockSize;
    }

    /** Bytes per block. */
    public int blockBytes() {
        return blockBytes;
    }

    /**
     * Bytes of a row of {@code columns} weights.
     *
     * @throws IllegalArgumentException if the columns are not a multiple of {@link #blockSize}
     */
    public long rowBytes(long columns) {
        if (columns < 0 || columns % blockSize != 0) {
            throw new IllegalArgumentException(
                    "a row of " + this + " holds a multiple of " + blockSize + " weights, not " + columns);
        }
        return Math.multiplyExact(columns / blockSize, (long) blockBytes);
    }

    /** Bits that a weight takes, its share of the scales included. */
    public double bitsPerWeight() {
        return 8.0 * blockBytes / blockSize;
    }

    /** Decodes blocks of this type in plain scalar Java. */
    public Codec codec() {
        return codec;
    }

    /**
     * Decodes row {@code row} of a matrix with {@code dst.length} columns.
     *
     * @param matrix the rows, one after the other, from byte 0 on
     * @throws IllegalArgumentException if the columns are not a multiple of {@link #blockSize}
     * @throws IndexOutOfBoundsException if the matrix has no such row
     */
    public void decodeRow(MemorySegment matrix, long row, float[] dst) {
        if (row < 0) {
            throw new IndexOutOfBoundsException("rows count from 0, so there is no row " + row);
        }
        codec.decode(matrix, Math.multiplyExact(row, rowBytes(dst.length)), dst, 0, dst.length);
    }
}
