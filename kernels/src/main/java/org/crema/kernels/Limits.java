package org.crema.kernels;

/**
 * The largest {@link Step} that an executable has to take; all device memory is sized from it before anything runs.
 *
 * @param tokens most tokens in a step
 * @param outputs most rows whose logits are wanted in a step
 * @param sequences most sequences in a step
 * @param pageRows tokens in a cache page
 * @param pages cache pages in all, per layer
 * @param sequencePages most pages of one sequence
 */
public record Limits(int tokens, int outputs, int sequences, int pageRows, int pages, int sequencePages) {
    public Limits {
        if (tokens < 1 || outputs < 1 || outputs > tokens || sequences < 1 || pageRows < 1 || pages < 1 || sequencePages < 1) {
            throw new IllegalArgumentException(
                    "limits must be positive, with no more outputs than tokens: tokens %d, outputs %d, "
                            .formatted(tokens, outputs)
                            + "sequences %d, pageRows %d, pages %d, sequencePages %d".formatted(sequences,
                                    pageRows, pages, sequencePages));
        }
        Math.multiplyExact(pages, pageRows);
        Math.multiplyExact(sequencePages, pageRows);
    }

    /** One sequence of up to {@code context} tokens, processed in steps of up to {@code tokens}. */
    public static Limits single(int context, int tokens, int outputs) {
        int pageRows = 256;
        int pages = Math.ceilDiv(context, pageRows);
        return new Limits(tokens, outputs, 1, pageRows, pages, pages);
    }

    /** Most tokens of one sequence that the page table can name. */
    public int context() {
        return pageRows * sequencePages;
    }
}
