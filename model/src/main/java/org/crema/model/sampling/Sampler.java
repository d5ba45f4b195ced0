package org.crema.model.sampling;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Chooses the tokens of one sequence; see {@link SamplingOptions} for the order of what is done. The same seed, logits and accepted
 * tokens give the same choices. Of equal logits the lower token id comes first. Not thread-safe.
 */
public final class Sampler {
    private final SamplingOptions options;
    private final int vocabulary;
    private final long seed;
    private final RandomGenerator random;
    private final float[] logits;
    /** Candidates, best first: the logit as a sortable number above, the complement of the id below. */
    private final long[] candidates;
    private final double[] weights;
    private final int[] window;
    private long accepted;
    /** How often each token is in the window; absent without penalties. */
    private final int[] counts;

    public Sampler(SamplingOptions options, int vocabulary) {
        this.options = options;
        this.vocabulary = vocabulary;
        options.logitBias().keySet().forEach(id -> {
            if (id >= vocabulary) {
                throw new IllegalArgumentException(
                        "logit bias of token " + id + ", but there are only " + vocabulary + " tokens");
            }
        });
        seed = options.seed().orElseGet(() -> new java.util.SplittableRandom().nextLong());
        random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        logits = new float[vocabulary];
        int most = options.topK() > 0 ? Math.min(options.topK(), vocabulary) : vocabulary;
        candidates = new long[most];
        weights = new double[most];
        boolean penalties = options.repeatPenalty() != 1 || options.presencePenalty() != 0 || options.frequencyPenalty() != 0;
        window = new int[penalties ? Math.max(0, options.repeatLastN()) : 0];
        counts = penalties && options.repeatLastN() != 0 ? new int[vocabulary] : null;
    }

    /** The seed, given or drawn. */
    public long seed() {
        return seed;
    }

    /** Whether the token of the greatest logit is chosen, whatever came before. */
    public boolean greedy() {
        return options.temperature() == 0 && counts == null && options.logitBias().isEmpty();
    }

    /** Takes note of a token of the prompt or the answer, for the penalties. */
    public void accept(int token) {
        if (counts == null) {
            return;
        }
        if (window.length > 0) {
            int slot = (int) (accepted % window.length);
            if (accepted >= window.length) {
                counts[window[slot]]--;
            }
            window[slot] = token;
        }
        counts[token]++;
        accepted++;
    }

    /**
     * Chooses a token. Does not {@link #accept} it.
     *
     * @param source logits, one for each token of the vocabulary
     * @throws SamplingException if a logit is not a number, or all are negative infinity
     */
    public int sample(float[] source) {
        System.arraycopy(source, 0, logits, 0, vocabulary);
        options.logitBias().forEach((id, bias) -> logits[id] += bias);
        penalise();
        int best = best();
        if (options.temperature() == 0) {
            return best;
        }
        float top = logits[best];
        int kept = select();
        kept = topP(kept, top);
        kept = minP(kept, top);
        return draw(kept, top);
    }

    private void penalise() {
        if (counts == null) {
            return;
        }
        for (int id = 0; id < vocabulary; id++) {
            int count = counts[id];
            if (count > 0) {
                float logit = logits[id];
                logit = logit > 0 ? logit / options.repeatPenalty() : logit * options.repeatPenalty();
                logits[id] = logit - count * options.frequencyPenalty() - options.presencePenalty();
            }
        }
    }

    private int best() {
        int best = 0;
        for (int id = 0; id < vocabulary; id++) {
            float logit = logits[id];
            if (Float.isNaN(logit)) {
                throw new SamplingException("the logit of token " + id
                        + " is not a number; the model file is damaged, or its arithmetic overflowed (try --precision f32)");
            }
            if (logit > logits[best]) {
                best = id;
            }
        }
        if (logits[best] == Float.NEGATIVE_INFINITY) {
            throw new SamplingException("every token has a logit of negative infinity; allow some by a smaller logit bias");
        }
        return best;
    }

    /** Fills the candidates, best first, with the top k or all. */
    private int select() {
        int k = candidates.length;
        int size = 0;
        for (int id = 0; id < vocabulary; id++) {
            long key = key(logits[id], id);
            if (size < k) {
                candidates[size++] = key;
                if (size == k && k < vocabulary) {
                    for (int i = k / 2 - 1; i >= 0; i--) {
                        sink(i, k);
                    }
                }
            } else if (key > candidates[0]) {
                candidates[0] = key;
                sink(0, k);
            }
        }
        Arrays.sort(candidates, 0, size);
        for (int i = 0; i < size / 2; i++) {
            long other = candidates[i];
            candidates[i] = candidates[size - 1 - i];
            candidates[size - 1 - i] = other;
        }
        return size;
    }

    /** Restores the heap, smallest first, below index i. */
    private void sink(int i, int size) {
        long key = candidates[i];
        int at = i;
        while (2 * at + 1 < size) {
            int child = 2 * at + 1;
            if (child + 1 < size && candidates[child + 1] < candidates[child]) {
                child++;
            }
            if (key <= candidates[child]) {
                break;
            }
            candidates[at] = candidates[child];
            at = child;
        }
        candidates[at] = key;
    }

    private static long key(float logit, int id) {
        int bits = Float.floatToIntBits(logit + 0.0f);
        int sortable = bits >= 0 ? bits : bits ^ 0x7fffffff;
        return (long) sortable << 32 | ~id & 0xffffffffL;
    }

    private int id(int candidate) {
        return ~(int) candidates[candidate];
    }

    private int topP(int size, float top) {
        if (options.topP() >= 1) {
            return size;
        }
        double sum = weigh(size, top, 1);
        double reached = 0;
        for (int i = 0; i < size; i++) {
            reached += weights[i];
            if (reached >= options.topP() * sum) {
                return i + 1;
            }
        }
        return size;
    }

    private int minP(int size, float top) {
        if (options.minP() == 0) {
            return size;
        }
        weigh(size, top, 1);
        int kept = 1;
        while (kept < size && weights[kept] >= options.minP()) {
            kept++;
        }
        return kept;
    }

    private int draw(int size, float top) {
        double sum = weigh(size, top, options.temperature());
        double point = random.nextDouble() * sum;
        int last = 0;
        for (int i = 0; i < size; i++) {
            if (weights[i] > 0) {
                last = i;
                point -= weights[i];
                if (point < 0) {
                    break;
                }
            }
        }
        return id(last);
    }

    /** Sets the weights to the probabilities relative to the best candidate's, and gives their sum. */
    private double weigh(int size, float top, float temperature) {
        double sum = 0;
        for (int i = 0; i < size; i++) {
            float logit = logits[id(i)];
            // An infinite best logit leaves no room for others.
            weights[i] = logit == top ? 1 : Math.exp(((double) logit - top) / temperature);
            sum += weights[i];
        }
        return sum;
    }
}
