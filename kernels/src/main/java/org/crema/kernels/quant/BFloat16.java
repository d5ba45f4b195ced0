package org.crema.kernels.quant;

/** Conversions of bfloat16: the upper half of an IEEE single, 8 bits of exponent and 7 of fraction. */
public final class BFloat16 {
    private BFloat16() {}

    /** The float with the same value, exactly. */
    public static float toFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The nearest bfloat16, halves to even; beyond the largest finite value infinity; NaN stays NaN. */
    public static short ofFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            // The fraction that is left may be all zero, which would be infinity.
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }
}
