package org.crema.backend.cpu.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.crema.kernels.quant.Codebook;

/** Code books in the forms that the kernels look values up in. Eight or four values of a point follow each other. */
final class Tables {
    // Sixteen levels, as floats for a vector of 16 lanes; as bytes they are in VectorTables.
    static final float[] IQ4NL = floats(Codebook.KVALUES_IQ4NL);
    static final float[] MXFP4 = floats(Codebook.KVALUES_MXFP4);
    static final float[] Q40 = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7};

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

    /** The bits of floats. */
    static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
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
}
