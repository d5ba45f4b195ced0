package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;
import org.crema.kernels.quant.Codebook;
import org.crema.kernels.quant.QuantType;

/** Code books in the forms that the kernels look values up in. Eight or four values of a point follow each other. */
final class Tables {
    // Sixteen levels, as floats for a vector of 16 lanes and as bytes for one of 128 bits.
    static final float[] IQ4NL = floats(Codebook.KVALUES_IQ4NL);
    static final float[] MXFP4 = floats(Codebook.KVALUES_MXFP4);
    static final float[] Q40 = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};
    static final ByteVector IQ4NL_BYTES = ByteVector.fromArray(ByteVector.SPECIES_128, Codebook.KVALUES_IQ4NL.bytes(), 0);
    static final ByteVector MXFP4_BYTES = ByteVector.fromArray(ByteVector.SPECIES_128, Codebook.KVALUES_MXFP4.bytes(), 0);

    /** Scales that are one byte. */
    static final float[] E8M0 = scales(QuantType.MXFP4);
    static final float[] UE4M3 = scales(QuantType.NVFP4);

    // Code books, 8 and 16 KB as floats; the larger ones stay bytes.
    static final float[] IQ2XXS = floats(Codebook.IQ2XXS_GRID);
    static final float[] IQ2XS = floats(Codebook.IQ2XS_GRID);
    static final byte[] IQ2S = Codebook.IQ2S_GRID.bytes();
    static final int[] IQ3XXS = words(Codebook.IQ3XXS_GRID);
    static final int[] IQ3S = words(Codebook.IQ3S_GRID);

    /** Eight times grid plus delta: the sign of the delta is bit 11 of the index. 32 KB. */
    static final byte[] IQ1 = withDelta(Codebook.IQ1S_GRID.bytes());

    /** Sign bits of eight floats for an 8-bit mask, and for a 7-bit index whose eighth bit makes their number even. */
    static final int[] SIGNS8 = signs(identity());
    static final int[] SIGNS7 = signs(Codebook.KSIGNS_IQ2XS.bytes());

    private Tables() {}

    /** Address of a vector of any width, full of a number of 32 bits. */
    static long repeated(int bits) {
        MemorySegment vector = Arena.global().allocate(64, 64);
        for (long at = 0; at < vector.byteSize(); at += Integer.BYTES) {
            vector.set(ValueLayout.JAVA_INT, at, bits);
        }
        return vector.address();
    }

    /** The bits of sixteen floats as the lanes of a vector. */
    static IntVector floatBits(VectorSpecies<Integer> species, float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return IntVector.fromArray(species, bits, 0);
    }

    private static float[] floats(Codebook book) {
        byte[] values = book.bytes();
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = values[i];
        }
        return floats;
    }

    private static int[] words(Codebook book) {
        int[] words = new int[book.points()];
        ByteBuffer.wrap(book.bytes()).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(words);
        return words;
    }

    private static byte[] withDelta(byte[] grid) {
        byte[] values = new byte[2 * grid.length];
        for (int i = 0; i < grid.length; i++) {
            values[i] = (byte) (8 * grid[i] + 1);
            values[grid.length + i] = (byte) (8 * grid[i] - 1);
        }
        return values;
    }

    private static byte[] identity() {
        byte[] masks = new byte[256];
        for (int i = 0; i < masks.length; i++) {
            masks[i] = (byte) i;
        }
        return masks;
    }

    private static int[] signs(byte[] masks) {
        int[] signs = new int[8 * masks.length];
        for (int i = 0; i < signs.length; i++) {
            signs[i] = (masks[i / 8] >> i % 8 & 1) << 31;
        }
        return signs;
    }

    /** The value of each scale byte, as the codec has it: weight 0 of a block whose level is 1. */
    private static float[] scales(QuantType type) {
        float[] scales = new float[256];
        float[] block = new float[type.blockSize()];
        byte[] bytes = new byte[type.blockBytes()];
        Arrays.fill(bytes, (byte) 0x11);
        for (int i = 0; i < scales.length; i++) {
            bytes[0] = (byte) i;
            type.codec().decode(MemorySegment.ofArray(bytes), 0, block, 0, block.length);
            scales[i] = block[0];
        }
        return scales;
    }
}
