package org.crema.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("width")
class PanelSoftmaxTest {
    private static final int WIDTH = 2 * Species.LANES;
    private static final int KEYS = 37;

    private static float[] random(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian() * 9;
        }
        return values;
    }

    private static float[] fresh() {
        float[] state = new float[3 * WIDTH];
        Arrays.fill(state, 0, WIDTH, Float.NEGATIVE_INFINITY);
        return state;
    }

    /** Two runs of keys give the weights and sums of a softmax over all of them; each query sees its own part of the second run. */
    @Test
    void isASoftmaxOverAllKeys() {
        Random random = new Random(8);
        float[] first = random(random, KEYS * WIDTH);
        float[] second = random(random, KEYS * WIDTH);
        float[] shown = second.clone();
        int[] begin = new int[WIDTH];
        int[] end = new int[WIDTH];
        for (int q = 0; q < WIDTH; q++) {
            begin[q] = random.nextInt(KEYS + 1);
            end[q] = begin[q] + random.nextInt(KEYS + 1 - begin[q]);
        }
        PanelSoftmax.hide(shown, KEYS, WIDTH, begin, end);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment weights = arena.allocate(4L * KEYS * WIDTH, 64);
            float[] state = fresh();
            PanelSoftmax.add(first, KEYS, WIDTH, state, 0, weights.address());
            float[] kept = weights.toArray(ValueLayout.JAVA_FLOAT);
            PanelSoftmax.add(shown, KEYS, WIDTH, state, 0, weights.address());
            for (int q = 0; q < WIDTH; q++) {
                double most = Double.NEGATIVE_INFINITY;
                for (int k = 0; k < KEYS; k++) {
                    most = Math.max(most, first[k * WIDTH + q]);
                    most = k >= begin[q] && k < end[q] ? Math.max(most, second[k * WIDTH + q]) : most;
                }
                double total = 0;
                for (int k = 0; k < KEYS; k++) {
                    double a = Math.exp(first[k * WIDTH + q] - most);
                    double b = k >= begin[q] && k < end[q] ? Math.exp(second[k * WIDTH + q] - most) : 0;
                    total += a + b;
                    assertEquals(a, kept[k * WIDTH + q] * state[2 * WIDTH + q], 1e-6, "first, key " + k + " query " + q);
                    assertEquals(b, weights.getAtIndex(ValueLayout.JAVA_FLOAT, k * WIDTH + q), 1e-6,
                            "second, key " + k + " query " + q);
                }
                assertEquals(total, state[WIDTH + q], 1e-5 * total, "query " + q);
            }
        }
    }

    @Test
    void loopsGiveTheBitsOfVectors() {
        Random random = new Random(9);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment[] weights = {arena.allocate(4L * KEYS * WIDTH, 64), arena.allocate(4L * KEYS * WIDTH, 64)};
            float[][] states = {fresh(), fresh()};
            for (int run = 0; run < 4; run++) {
                float[] scores = random(random, KEYS * WIDTH);
                boolean[] changed = new boolean[2];
                for (int way : new int[] {0, 1}) {
                    Starter.with(way == 1, () -> changed[way] = PanelSoftmax.add(scores, KEYS, WIDTH, states[way], 0,
                            weights[way].address()));
                }
                assertEquals(changed[0], changed[1]);
                assertArrayEquals(states[0], states[1]);
                assertEquals(-1, weights[0].mismatch(weights[1]));
            }
        }
    }

    /** As many columns as fill vectors, and some more. */
    @Test
    void mixesTheRowsOfATile() {
        Random random = new Random(10);
        int rows = 13;
        for (int columns : new int[] {MatKernel.SLICE, 5 * Species.LANES + 3, 2}) {
            float[] tile = random(random, rows * MatKernel.SLICE);
            float[] factors = random(random, rows + 2);
            float[] before = random(random, MatKernel.SLICE + 1);
            float[] vectors = before.clone();
            float[] loops = before.clone();
            TileMix.add(tile, rows, columns, factors, 2, vectors, 1);
            Starter.with(true, () -> TileMix.add(tile, rows, columns, factors, 2, loops, 1));
            assertArrayEquals(loops, vectors, columns + " columns");
            assertArrayEquals(Arrays.copyOfRange(before, columns + 1, before.length), Arrays.copyOfRange(vectors, columns + 1,
                    before.length), "what lies behind the columns");
            for (int c = 0; c < columns; c++) {
                double sum = before[1 + c];
                double size = Math.abs(sum);
                for (int r = 0; r < rows; r++) {
                    double product = (double) factors[2 + r] * tile[r * MatKernel.SLICE + c];
                    sum += product;
                    size += Math.abs(product);
                }
                assertEquals(sum, vectors[1 + c], 1e-6 * size, "column " + c);
            }
        }
    }
}
