package org.crema.kernels;

/**
 * How many rows a {@link Slot} has: a number that is known only when a {@link Step} is.
 *
 * @param domain what is counted
 * @param each rows for each of those
 */
public record Rows(Domain domain, int each) {
    /** What a row count is counted in. */
    public enum Domain {
        /** The tokens of the step. */
        TOKENS,
        /** The tokens whose logits are wanted. */
        OUTPUTS
    }

    /** One row per token. */
    public static final Rows TOKENS = new Rows(Domain.TOKENS, 1);
    /** One row per wanted output. */
    public static final Rows OUTPUTS = new Rows(Domain.OUTPUTS, 1);

    public Rows {
        if (each < 1) {
            throw new IllegalArgumentException("rows per " + domain + " must be at least 1, not " + each);
        }
    }

    /** One row per token and chosen expert: row {@code t * expertsUsed + j} belongs to the j-th expert of token t. */
    public static Rows pairs(int expertsUsed) {
        return new Rows(Domain.TOKENS, expertsUsed);
    }

    /** The rows of this step. */
    public int count(Step step) {
        return Math.multiplyExact(each, domain == Domain.TOKENS ? step.tokens() : step.outputs());
    }

    /** The most rows that a step within the limits can have. */
    public int most(Limits limits) {
        return Math.multiplyExact(each, domain == Domain.TOKENS ? limits.tokens() : limits.outputs());
    }

    @Override
    public String toString() {
        return each == 1 ? domain.toString() : domain + "×" + each;
    }
}
