package org.crema.backend.cpu.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.crema.kernels.quant.QuantType;

/** Scales that are one byte. */
final class ScaleTables {
    static final float[] E8M0 = scales(QuantType.MXFP4);
    static final float[] UE4M3 = scales(QuantType.NVFP4);

    private ScaleTables() {}

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
