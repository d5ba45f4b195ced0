package org.crema.model.arch;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Rotation;

/** Rotary frequencies from a file's metadata: plain, linear, YaRN (Peng et al., arXiv 2309.00071). */
final class RopeScaling {
    private RopeScaling() {}

    /**
     * The rotation of a model.
     *
     * @param dims columns of each head that are turned
     * @param divisors what each pair's frequency is divided by (the tensor {@code rope_freqs} of Llama 3), or null
     * @param yarnMagnitude whether YaRN's magnitude {@code 1 + 0.1 ln(factor)} goes on the rotated values; DeepSeek has it in the
     *     softmax scale instead
     */
    static Rotation of(Keys keys, int dims, Rotation.Pairing pairing, float[] divisors, boolean yarnMagnitude) {
        if (dims < 2 || dims % 2 != 0) {
            throw keys.error("rope.dimension_count", "found " + dims + ", expected an even number of at least 2");
        }
        double base = keys.number("rope.freq_base", 10000);
        String type = keys.string("rope.scaling.type", "none");
        double factor = keys.number("rope.scaling.factor", 1);
        if (base <= 0 || factor <= 0) {
            throw keys.error("rope.freq_base", "found base " + base + " and factor " + factor + ", expected positive numbers");
        }
        List<Double> frequencies = new ArrayList<>();
        for (int i = 0; i < dims / 2; i++) {
            double plain = Math.pow(base, -2.0 * i / dims) / (divisors == null ? 1 : divisors[i]);
            frequencies.add(switch (type) {
                case "none" -> plain;
                case "linear" -> plain / factor;
                case "yarn" -> {
                    double kept = yarnRamp(keys, i, dims, base);
                    yield plain * (kept + (1 - kept) / factor);
                }
                default -> throw keys.error("rope.scaling.type", "found \"" + type
                        + "\", supported are none, linear and yarn");
            });
        }
        boolean yarn = type.equals("yarn");
        double magnitude = yarn && yarnMagnitude ? (1 + 0.1 * Math.log(factor)) * keys.number("rope.scaling.attn_factor", 1) : 1;
        return new Rotation(pairing, frequencies, (float) magnitude);
    }

    /** How much of pair i keeps its plain frequency: 1 for fast pairs, 0 for slow ones, a ramp between. */
    private static double yarnRamp(Keys keys, int i, int dims, double base) {
        double original = keys.count("rope.scaling.original_context_length");
        double low = Math.max(0, Math.floor(pairOfTurns(dims, base, original, keys.number("rope.scaling.yarn_beta_fast", 32))));
        double high = Math.min(dims - 1,
                Math.ceil(pairOfTurns(dims, base, original, keys.number("rope.scaling.yarn_beta_slow", 1))));
        return 1 - Math.clamp((i - low) / Math.max(0.001, high - low), 0, 1);
    }

    /** The pair, as a real number, that makes so many turns over the original context. */
    private static double pairOfTurns(int dims, double base, double original, double turns) {
        return dims * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }
}
