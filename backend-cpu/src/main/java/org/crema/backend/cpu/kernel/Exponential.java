package org.crema.backend.cpu.kernel;

/**
 * The exponential that vectors compute, within about 2 units in the last place: x = k ln 2 + r, e^r by its Taylor series to the seventh
 * power, |r| at most ln 2 / 2. The integer k sits in the low bits of the shifted value: moved up, it is added to the exponent. NaN stays
 * NaN; what would be denormal or infinite becomes the smallest or largest result.
 *
 * <p>Vector code writes it out where it is used: C2 does not always inline a method of this size, and then boxes its vectors.
 */
public final class Exponential {
    public static final float LOG2_E = (float) (1 / Math.log(2));
    /** ln 2 in two parts: products of the first with small integers are exact. */
    public static final float LN2_HIGH = 355 / 512f;
    public static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);
    /** Adding and taking away 1.5 · 2^23 rounds to an integer. */
    public static final float ROUND = 0x1.8p23f;
    public static final float LOWEST = -87.3f;
    public static final float HIGHEST = 88.3f;

    private Exponential() {}

    /** The same bits for one number. */
    public static float exp(float x) {
        float in = Math.max(Math.min(x, HIGHEST), LOWEST);
        float shifted = Math.fma(in, LOG2_E, ROUND);
        float k = shifted - ROUND;
        float r = Math.fma(k, -LN2_HIGH, in);
        r = Math.fma(k, -LN2_LOW, r);
        float p = Math.fma(r, 1 / 5040f, 1 / 720f);
        p = Math.fma(p, r, 1 / 120f);
        p = Math.fma(p, r, 1 / 24f);
        p = Math.fma(p, r, 1 / 6f);
        p = Math.fma(p, r, 0.5f);
        p = Math.fma(p, r, 1f);
        p = Math.fma(p, r, 1f);
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
    }
}
