package org.crema.kernels.conformance;

import org.crema.kernels.Cache;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;

/**
 * How far a result may be from the reference, which sums in double: the mean square of the differences over the mean square of the
 * reference's values (NMSE). No single value may be off by more than {@link #OUTLIER} times what that allows on average.
 *
 * <p>In F32 every bound is what rounding gives, with a margin of about ten. One rounding to a float is an NMSE of 1e-15. A sum of n
 * products, one after the other in F32, has an NMSE of about n · 6e-16: 7e-12 for the longest rows, of 10944. {@code docs/kernels.md}
 * has the reasons for the rest.
 */
final class Tolerance {
    /** Of a whole layer, whose errors pass through some twenty ops. */
    static final double LAYER_FAST = 5e-3;
    /** Largest single error, in units of the root of the tolerance. */
    static final double OUTLIER = 8;
    /** By how much a router's logit may be off, for telling a near tie from a wrong choice. */
    static final double LOGIT_F32 = 1e-5;
    static final double LOGIT_FAST = 0.05;

    private Tolerance() {}

    /** The bound for the outputs of a scenario: that of its loosest op. */
    static double of(Scenario scenario, Precision precision) {
        if (scenario.isLayer()) {
            return precision == Precision.F32 ? layer(scenario.cacheType()) : LAYER_FAST;
        }
        return scenario.program().ops().stream().mapToDouble(op -> of(op, scenario.cacheType(), precision)).max().orElseThrow();
    }

    /**
     * A cache that rounds makes jumps of small differences: a key that lies between two steps of its type goes to the other one, which is
     * off by 2^-11 (F16) or a 254th of the block's largest value (Q8_0), and a sharp softmax passes that on.
     */
    private static double layer(Cache.Type cache) {
        return switch (cache) {
            case F32 -> 1e-8;
            case F16 -> 2e-6;
            case Q8_0 -> 2e-5;
        };
    }

    /** The bound for one op. */
    static double of(Op op, Cache.Type cache, Precision precision) {
        boolean exact = precision == Precision.F32;
        return switch (op) {
            // Copies.
            case Op.SelectRows _,Op.CacheWrite _ -> 0;
            // A few roundings a value.
            case Op.Embed _ -> exact ? 1e-13 : 1e-6;
            case Op.Add _ -> exact ? 1e-13 : 1e-6;
            case Op.SwiGlu _,Op.ExpertSum _,Op.RmsNorm _ -> exact ? 1e-11 : 1e-6;
            // Needs the angle itself to be exact to 1e-5 radians at position 100000: more than a float product gives.
            case Op.Rope _ -> exact ? 1e-9 : 1e-4;
            // FAST: activations in int8 with a scale for every 32 have an NMSE of 2.5e-5, every 256 of 4.3e-5.
            case Op.MatMul _,Op.HeadMatMul _,Op.ExpertMatMul _ -> exact ? 1e-10 : 5e-4;
            // The weights only; ids have a rule of their own.
            case Op.GateExperts _ -> exact ? 1e-9 : 1e-3;
            // Q8_0: a device may round a value that lies between two steps to the other one.
            case Op.Attention _,Op.LatentAttention _ -> exact ? (cache == Cache.Type.Q8_0 ? 1e-6 : 1e-9) : 1e-4;
        };
    }
}
