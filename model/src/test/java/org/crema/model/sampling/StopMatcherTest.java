package org.crema.model.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class StopMatcherTest {
    @Test
    void releasesTextAsSoonAsItCannotBeAStop() {
        StopMatcher matcher = new StopMatcher(List.of("\n\n", "User:"));
        assertEquals("a", matcher.next("a\n"));
        assertEquals("\nb", matcher.next("b"));
        assertEquals("c", matcher.next("cUs"));
        assertEquals("Used", matcher.next("ed"));
        assertEquals("x", matcher.next("xUser: more"));
        assertEquals(true, matcher.stopped());
        assertEquals("", matcher.next("more"));
        assertEquals("", matcher.flush());
    }

    @Test
    void flushGivesWhatWasHeldBack() {
        StopMatcher matcher = new StopMatcher(List.of("END"));
        assertEquals("", matcher.next("EN"));
        assertEquals("EN", matcher.flush());
        assertEquals(false, matcher.stopped());
    }

    @Test
    void refusesEmptyStops() {
        assertThrows(IllegalArgumentException.class, () -> new StopMatcher(List.of("")));
    }

    /** Against a search over the whole text, for random texts, stops and pieces over a tiny alphabet. */
    @Test
    void agreesWithASearchOverTheWholeText() {
        SplittableRandom random = new SplittableRandom(11);
        for (int round = 0; round < 20_000; round++) {
            String text = word(random, random.nextInt(20));
            List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                stops.add(word(random, random.nextInt(1, 5)));
            }
            int first = text.length();
            for (String stop : stops) {
                int at = text.indexOf(stop);
                first = at < 0 ? first : Math.min(first, at);
            }
            StopMatcher matcher = new StopMatcher(stops);
            StringBuilder shown = new StringBuilder();
            for (int at = 0; at < text.length();) {
                int to = Math.min(text.length(), at + random.nextInt(1, 5));
                shown.append(matcher.next(text.substring(at, to)));
                at = to;
            }
            shown.append(matcher.flush());
            int end = first;
            assertEquals(text.substring(0, end), shown.toString(), () -> "text " + text + ", stops " + stops);
        }
    }

    private static String word(SplittableRandom random, int length) {
        StringBuilder word = new StringBuilder();
        for (int i = 0; i < length; i++) {
            word.append((char) ('a' + random.nextInt(2)));
        }
        return word.toString();
    }
}
