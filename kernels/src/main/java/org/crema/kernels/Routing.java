package org.crema.kernels;

/**
 * How a mixture-of-experts layer chooses: every expert gets a probability from its router logit; groups of experts may be kept or
 * dropped as a whole; of the kept experts the {@code used} best are taken. A selection bias moves the choice, never the weight.
 * DeepSeek-V2, arXiv 2405.04434 section 2.2; DeepSeek-V3, arXiv 2412.19437 section 2.1.2.
 *
 * @param scoring how logits become probabilities, over all experts
 * @param experts experts there are
 * @param used experts taken per token
 * @param groups equal groups of neighbouring experts; 1 for no grouping
 * @param groupsUsed groups kept
 * @param groupScore what a group is judged by
 * @param normalise whether the weights of the taken experts are divided by their sum
 * @param scale factor on the weights, after that
 */
public record Routing(Scoring scoring, int experts, int used, int groups, int groupsUsed, GroupScore groupScore,
        boolean normalise,
        float scale) {
    /** From router logits to probabilities. */
    public enum Scoring {
        SOFTMAX,
        SIGMOID
    }

    /** The score of a group, from the (biased) probabilities of its experts. */
    public enum GroupScore {
        /** The best expert's: DeepSeek-V2. */
        MAX,
        /** The sum of the two best: DeepSeek-V3. */
        TOP2_SUM
    }

    public Routing {
        if (experts < 1 || used < 1 || groups < 1 || experts % groups != 0 || groupsUsed < 1 || groupsUsed > groups
                || used > experts
                        / groups * groupsUsed) {
            throw new IllegalArgumentException(
                    "cannot use %d of %d experts in %d of %d groups".formatted(used, experts, groupsUsed,
                            groups));
        }
    }

    /** Without groups. */
    public static Routing plain(Scoring scoring, int experts, int used, boolean normalise, float scale) {
        return new Routing(scoring, experts, used, 1, 1, GroupScore.MAX, normalise, scale);
    }
}
