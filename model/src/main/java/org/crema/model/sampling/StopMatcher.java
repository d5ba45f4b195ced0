package org.crema.model.sampling;

import java.util.List;

/**
 * Finds stop strings in text that comes in pieces. Text is given out as soon as it cannot be the beginning of a stop string any more;
 * nothing of a stop string, or after it, ever is. Of several, the one that begins first wins. Not thread-safe.
 */
public final class StopMatcher {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    public StopMatcher(List<String> stops) {
        this.stops = List.copyOf(stops);
        if (this.stops.stream().anyMatch(String::isEmpty)) {
            throw new IllegalArgumentException("a stop string must not be empty");
        }
    }

    /** Takes a piece of text, and gives what can be shown now. Nothing any more after a stop string. */
    public String next(String piece) {
        if (stopped) {
            return "";
        }
        held.append(piece);
        int first = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        // A stop string that begins earlier may still be incomplete; it wins if it completes.
        int open = firstOpen();
        if (first >= 0 && first <= open) {
            stopped = true;
            return take(first);
        }
        return take(open);
    }

    /** What was held back, when no more text comes. */
    public String flush() {
        if (stopped) {
            return "";
        }
        int first = held.length();
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0) {
                first = Math.min(first, at);
                stopped = true;
            }
        }
        return take(first);
    }

    /** Whether a stop string came. */
    public boolean stopped() {
        return stopped;
    }

    /** Where the held text may first be the beginning of a stop string; its length if nowhere. */
    private int firstOpen() {
        for (int at = 0; at < held.length(); at++) {
            for (String stop : stops) {
                int have = held.length() - at;
                if (have < stop.length() && stop.startsWith(held.substring(at))) {
                    return at;
                }
            }
        }
        return held.length();
    }

    private String take(int count) {
        String text = held.substring(0, count);
        held.delete(0, count);
        return text;
    }
}
