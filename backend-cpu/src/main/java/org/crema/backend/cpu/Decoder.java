package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.crema.backend.cpu.Native.i16;

import java.lang.foreign.MemorySegment;
import org.crema.kernels.quant.Codec;
import org.crema.kernels.quant.QuantType;

/** Turns weights of one type into F32, a row or a part of a row at a time. */
interface Decoder {
    /**
     * @param in address of the first block
     * @param columns weights; whole blocks
     * @param out address of as many floats
     */
    void decode(long in, int columns, long out);

    /** The decoder of a type: plain loops for the simplest types, the scalar codec for the others. */
    static Decoder of(QuantType type) {
        return switch (type) {
            case F32 -> (in, columns, out) -> Native.copy(in, out, 4L * columns);
            case F16 -> (in, columns, out) -> Lanes.BEST.fromF16(out, in, columns);
            case BF16 -> (in, columns, out) -> Lanes.BEST.fromBf16(out, in, columns);
            case Q8_0 -> Decoder::q80;
            default -> new Scalar(type);
        };
    }

    private static void q80(long in, int columns, long out) {
        int blocks = columns / QuantType.Q8_0.blockSize();
        for (long b = 0; b < blocks; b++) {
            long block = in + b * QuantType.Q8_0.blockBytes();
            Lanes.BEST.fromI8(out + 4 * b * QuantType.Q8_0.blockSize(), block + 2, Float.float16ToFloat(i16(block)),
                    QuantType.Q8_0.blockSize());
        }
    }

    /** The codec of a type, which writes to the Java heap. */
    final class Scalar implements Decoder {
        /** A multiple of every block size. */
        private static final int PIECE = 256;
        private static final ThreadLocal<float[]> PIECES = ThreadLocal.withInitial(() -> new float[PIECE]);

        private final Codec codec;
        private final int blockSize;
        private final int blockBytes;

        Scalar(QuantType type) {
            codec = type.codec();
            blockSize = type.blockSize();
            blockBytes = type.blockBytes();
        }

        @Override
        public void decode(long in, int columns, long out) {
            float[] piece = PIECES.get();
            for (int c = 0; c < columns; c += PIECE) {
                int count = Math.min(PIECE, columns - c);
                codec.decode(Native.ALL, in + (long) (c / blockSize) * blockBytes, piece, 0, count);
                MemorySegment.copy(piece, 0, Native.ALL, JAVA_FLOAT_UNALIGNED, out + 4L * c, count);
            }
        }
    }
}
