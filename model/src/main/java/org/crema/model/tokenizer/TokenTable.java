package org.crema.model.tokenizer;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Finds tokens by their text, which may be a part of a longer string, without making objects. The hash has a random seed, so that
 * no file can be made whose tokens all collide.
 */
final class TokenTable {
    private final long seed = ThreadLocalRandom.current().nextLong() | 1;
    private final String[] texts;
    /** In the upper half a part of the hash, in the lower the id; or -1. */
    private final long[] slots;
    private final int mask;
    private int longest;

    /** An empty table for some of these texts. */
    TokenTable(String[] texts) {
        this.texts = texts;
        slots = new long[Integer.highestOneBit(Math.max(texts.length, 8)) * 4];
        Arrays.fill(slots, -1);
        mask = slots.length - 1;
    }

    /** Adds a text. Gives the earlier one that is equal, or -1. */
    int add(int id) {
        String text = texts[id];
        longest = Math.max(longest, text.length());
        long hash = hash(text, 0, text.length(), text.length());
        int slot = slot(hash, text, 0, text.length(), text.length());
        int before = (int) slots[slot];
        if (before < 0) {
            slots[slot] = tag(hash) | id;
        }
        return before;
    }

    /** Length of the longest text. */
    int longest() {
        return longest;
    }

    /** The id of a part of a string, or -1. */
    int find(String text, int from, int to) {
        return findWithout(text, from, to, to);
    }

    /** The id of a part of a string without the character at one place in it, or -1. */
    int findWithout(String text, int from, int to, int left) {
        return (int) slots[slot(hash(text, from, to, left), text, from, to, left)];
    }

    private long hash(String text, int from, int to, int left) {
        long hash = seed;
        for (int i = from; i < to; i++) {
            if (i != left) {
                hash = (hash ^ text.charAt(i)) * seed;
                hash ^= hash >>> 32;
            }
        }
        return hash;
    }

    private static long tag(long hash) {
        return hash & 0x7FFF_FFFF_0000_0000L;
    }

    private int slot(long hash, String text, int from, int to, int left) {
        long tag = tag(hash);
        int slot = (int) hash & mask;
        while (slots[slot] >= 0 && !(tag(slots[slot]) == tag && same(texts[(int) slots[slot]], text, from, to, left))) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private static boolean same(String token, String text, int from, int to, int left) {
        int before = left - from;
        return left == to
                ? token.length() == before && token.regionMatches(0, text, from, before)
                : token.length() == to - from - 1 && token.regionMatches(0, text, from, before)
                        && token.regionMatches(before, text, left + 1, to - left - 1);
    }
}
