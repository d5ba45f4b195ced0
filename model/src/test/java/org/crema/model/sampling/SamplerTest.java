package org.crema.model.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class SamplerTest {
    private static final float INFINITY = Float.POSITIVE_INFINITY;
    private static final SamplingOptions OPEN = SamplingOptions.greedy().withTemperature(1).withSeed(1);

    private static int[] counts(SamplingOptions options, float[] logits, int draws) {
        Sampler sampler = new Sampler(options, logits.length);
        int[] counts = new int[logits.length];
        for (int i = 0; i < draws; i++) {
            counts[sampler.sample(logits)]++;
        }
        return counts;
    }

    private static Set<Integer> seen(SamplingOptions options, float... logits) {
        int[] counts = counts(options, logits, 4000);
        Set<Integer> seen = new TreeSet<>();
        for (int id = 0; id < counts.length; id++) {
            if (counts[id] > 0) {
                seen.add(id);
            }
        }
        return seen;
    }

    @Test
    void greedyTakesTheLikeliestAndOfEqualsTheFirst() {
        Sampler sampler = new Sampler(SamplingOptions.greedy(), 4);
        assertEquals(2, sampler.sample(new float[] {1, -2, 3, 0}));
        assertEquals(1, sampler.sample(new float[] {0, 3, 3, 3}));
        assertEquals(0, sampler.sample(new float[] {-0.0f, 0.0f, -1, -INFINITY}));
        assertEquals(3, sampler.sample(new float[] {1, 2, 3, INFINITY}));
    }

    @Test
    void onlyWithNothingElseInTheWayIsTheBestEnough() {
        SamplingOptions greedy = SamplingOptions.greedy();
        assertTrue(new Sampler(greedy, 2).greedy());
        assertTrue(new Sampler(greedy.withTopK(1), 2).greedy());
        assertFalse(new Sampler(greedy.withTemperature(0.1f), 2).greedy());
        assertFalse(new Sampler(greedy.withLogitBias(Map.of(1, 1f)), 2).greedy());
        assertFalse(new Sampler(greedy.withPenalties(8, 1.1f, 0, 0), 2).greedy());
    }

    @Test
    void drawsWithTheProbabilitiesOfTheSoftmax() {
        float[] logits = {0, (float) Math.log(2), (float) Math.log(3), (float) Math.log(4)};
        int draws = 100_000;
        int[] counts = counts(OPEN, logits, draws);
        for (int id = 0; id < 4; id++) {
            double expected = draws * (id + 1) / 10.0;
            assertEquals(expected, counts[id], 5 * Math.sqrt(expected), "token " + id + " of " + Arrays.toString(counts));
        }
        // At half the temperature probabilities are squared: 1, 4, 9, 16 of 30.
        int[] cold = counts(OPEN.withTemperature(0.5f), logits, draws);
        assertEquals(draws * 16 / 30.0, cold[3], 5 * Math.sqrt(draws * 16 / 30.0));
    }

    @Test
    void topKKeepsTheBest() {
        assertEquals(Set.of(1, 3), seen(OPEN.withTopK(2), 0, 2, 1, 2));
        assertEquals(Set.of(0, 1), seen(OPEN.withTopK(2), 1, 1, 1, 1));
        assertEquals(Set.of(0, 1, 2), seen(OPEN.withTopK(50), 1, 1, 1));
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
        assertEquals(Set.of(0), seen(OPEN.withTopP(0.49f), logits));
        assertEquals(Set.of(0, 1), seen(OPEN.withTopP(0.51f), logits));
        assertEquals(Set.of(0, 1, 2), seen(OPEN.withTopP(0.81f), logits));
    }

    @Test
    void minPKeepsWhatIsNearTheBest() {
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
        assertEquals(Set.of(0, 1), seen(OPEN.withMinP(0.59f), logits));
        assertEquals(Set.of(0), seen(OPEN.withMinP(0.61f), logits));
    }

    @Test
    void penaltiesAreThoseOfLlamaCpp() {
        // Token 0 twice, token 1 once in the window; token 2 fell out of it.
        Sampler sampler = new Sampler(SamplingOptions.greedy().withPenalties(3, 2, 0.25f, 0.5f), 4);
        for (int token : new int[] {2, 0, 1, 0}) {
            sampler.accept(token);
        }
        // 0: 4/2 - 2*0.5 - 0.25 = 0.75; 1: -1*2 - 0.5 - 0.25 = -2.75; 2 and 3 as they are.
        assertEquals(2, sampler.sample(new float[] {4, -1, 0.76f, 0}));
        assertEquals(0, sampler.sample(new float[] {4, -1, 0.74f, 0}));
        assertEquals(3, sampler.sample(new float[] {-9, -1, -9, -2.74f}));
        assertEquals(1, sampler.sample(new float[] {-9, -1, -9, -2.76f}));
        Sampler off = new Sampler(SamplingOptions.greedy().withPenalties(0, 2, 1, 1), 2);
        off.accept(0);
        assertEquals(0, off.sample(new float[] {1, 0.9f}));
        Sampler all = new Sampler(SamplingOptions.greedy().withPenalties(-1, 1, 1, 0), 2);
        for (int i = 0; i < 1000; i++) {
            all.accept(0);
        }
        assertEquals(1, all.sample(new float[] {1, 0.5f}));
    }

    @Test
    void biasForbidsAndPrefers() {
        assertEquals(Set.of(1), seen(OPEN.withLogitBias(Map.of(0, -INFINITY)), 5, 0));
        assertEquals(1, new Sampler(SamplingOptions.greedy().withLogitBias(Map.of(1, 10f)), 2).sample(new float[] {5, 0}));
        assertThrows(IllegalArgumentException.class, () -> new Sampler(OPEN.withLogitBias(Map.of(9, 1f)), 2));
    }

    @Test
    void isTheSameForASeed() {
        SplittableRandom random = new SplittableRandom(3);
        float[] logits = new float[1000];
        Arrays.setAll(new int[1000], i -> {
            logits[i] = (float) random.nextGaussian();
            return 0;
        });
        Sampler first = new Sampler(SamplingOptions.defaults(), 1000);
        Sampler second = new Sampler(SamplingOptions.defaults().withSeed(first.seed()), 1000);
        int different = 0;
        Sampler other = new Sampler(SamplingOptions.defaults().withSeed(first.seed() + 1), 1000);
        for (int i = 0; i < 100; i++) {
            int token = first.sample(logits);
            assertEquals(token, second.sample(logits));
            different += token == other.sample(logits) ? 0 : 1;
        }
        assertTrue(different > 0);
        assertNotEquals(first.seed(), new Sampler(SamplingOptions.defaults(), 1000).seed());
    }

    @Test
    void handlesInfinitiesAndRefusesWhatIsNoNumber() {
        assertEquals(Set.of(1, 3), seen(OPEN, 0, INFINITY, 100, INFINITY));
        assertEquals(Set.of(0), seen(OPEN, 0, -INFINITY));
        assertThrows(SamplingException.class, () -> new Sampler(OPEN, 2).sample(new float[] {1, Float.NaN}));
        assertThrows(SamplingException.class, () -> new Sampler(OPEN, 2).sample(new float[] {-INFINITY, -INFINITY}));
    }

    @Test
    void agreesWithAPlainSortOverALargeVocabulary() {
        SplittableRandom random = new SplittableRandom(4);
        int size = 102_400;
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            logits[i] = (float) random.nextGaussian(0, 3);
        }
        Integer[] order = new Integer[size];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Float.compare(logits[b], logits[a]));
        Set<Integer> best = new TreeSet<>(Arrays.asList(order).subList(0, 5));
        Sampler sampler = new Sampler(OPEN.withTopK(5), size);
        for (int i = 0; i < 200; i++) {
            assertTrue(best.contains(sampler.sample(logits)));
        }
    }

    @Test
    void refusesOptionsOutOfRange() {
        SamplingOptions good = SamplingOptions.defaults();
        assertThrows(IllegalArgumentException.class, () -> good.withTemperature(-1));
        assertThrows(IllegalArgumentException.class, () -> good.withTemperature(Float.NaN));
        assertThrows(IllegalArgumentException.class, () -> good.withTopK(-1));
        assertThrows(IllegalArgumentException.class, () -> good.withTopP(0));
        assertThrows(IllegalArgumentException.class, () -> good.withTopP(1.1f));
        assertThrows(IllegalArgumentException.class, () -> good.withMinP(1));
        assertThrows(IllegalArgumentException.class, () -> good.withPenalties(-2, 1, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> good.withPenalties(0, 0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> good.withLogitBias(Map.of(-1, 0f)));
        assertThrows(IllegalArgumentException.class, () -> good.withLogitBias(Map.of(1, Float.NaN)));
    }
}
