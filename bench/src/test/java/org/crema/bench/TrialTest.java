package org.crema.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.junit.jupiter.api.Test;

class TrialTest {
    @Test
    void namesAreLlamaBenchs() {
        assertEquals("pp512", new Trial(512, 0, 0, 1).label());
        assertEquals("tg128 @ d4096", new Trial(0, 128, 4096, 1).label());
        assertEquals("pp64+tg8 x 4", new Trial(64, 8, 0, 4).label());
    }

    @Test
    void allCombinationsWithoutEmptyTests() {
        List<String> labels = Trial.all(List.of(0, 16), List.of(4), List.of(new int[] {8, 2}), List.of(0, 32), List.of(1))
                .stream()
                .map(Trial::label).toList();
        assertEquals(List.of("pp16", "tg4", "pp8+tg2", "pp16 @ d32", "tg4 @ d32", "pp8+tg2 @ d32"), labels);
    }

    @Test
    void theSweepCoversStreamsAndDepths() {
        List<Trial> sweep = Trial.sweep();
        assertTrue(sweep.stream().anyMatch(t -> t.streams() == 1 && t.depth() == 0));
        assertTrue(sweep.stream().anyMatch(t -> t.streams() == 64));
        assertTrue(sweep.stream().anyMatch(t -> t.depth() == 8192));
    }

    @Test
    void nonsenseIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Trial(0, 0, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> new Trial(-1, 4, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> new Trial(4, 0, -1, 1));
        assertThrows(IllegalArgumentException.class, () -> new Trial(4, 0, 0, 0));
    }

    @Test
    void samplesAreSummedUpAsLlamaBenchDoes() {
        Samples samples = Samples.of(100, List.of(1_000_000_000L, 500_000_000L, 250_000_000L));
        assertEquals(List.of(100.0, 200.0, 400.0), samples.values());
        assertEquals(700.0 / 3, samples.mean(), 1e-9);
        assertEquals(200, samples.median());
        // sqrt(((100-m)² + (200-m)² + (400-m)²) / 2) with m = 233.33
        assertEquals(152.7525, samples.deviation(), 1e-3);
        assertEquals(150, new Samples(List.of(100.0, 200.0)).median());
        assertEquals(0, new Samples(List.of(100.0)).deviation());
    }

    @Test
    void aPartOfATrial() {
        assertEquals(new Trial(64, 0, 7, 2), new Trial(512, 0, 7, 2).part(8));
        assertEquals(new Trial(0, 16, 0, 1), new Trial(0, 128, 0, 1).part(8));
        assertEquals(new Trial(0, 1, 0, 1), new Trial(0, 3, 0, 1).part(8));
        assertEquals(new Trial(1, 0, 0, 1), new Trial(5, 3, 0, 1).part(8));
    }

    @Test
    void aPromptIsReadInSteps() throws IOException {
        try (Subject subject = Subject.embedded()) {
            Program program = subject.graph().program();
            // So slow a memory that only bytes count: two steps read everything twice.
            List<Share> slow = List
                    .of(new Share(Fixtures.device("cpu", DeviceInfo.Kind.HOST), List.of(program), new Rates(1, 1e30)));
            double half = Limit.seconds(slow, new Trial(16, 0, 0, 1), Settings.DEFAULT.withBatch(16));
            double whole = Limit.seconds(slow, new Trial(32, 0, 0, 1), Settings.DEFAULT.withBatch(16));
            assertTrue(whole > 1.8 * half && whole < 2.2 * half, () -> half + " and " + whole);
            double token = Limit.seconds(slow, new Trial(0, 1, 0, 1), Settings.DEFAULT);
            assertTrue(token > 0.4 * subject.bytes() && token < subject.bytes(), () -> token + " of " + subject.bytes());
        }
    }
}
