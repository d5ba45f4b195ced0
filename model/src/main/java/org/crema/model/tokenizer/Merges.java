package org.crema.model.tokenizer;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The merges of a vocabulary: for two tokens the place in the list, and what they make. A hash table without
 * objects; a random seed keeps files from making all pairs collide.
 */
final class Merges {
    private static final long EMPTY = -1;

    private final long[] keys;
    private final int[] ranks;
    private final int[] results;
    private final long seed = ThreadLocalRandom.current().nextLong() | 1;
    private final int shift;
    private final int mask;
    private int count;

    Merges(int most) {
        int size = Integer.highestOneBit(Math.max(most, 4)) * 4;
        keys = new long[size];
        Arrays.fill(keys, EMPTY);
        ranks = new int[size];
        results = new int[most];
        mask = size - 1;
        shift = Long.numberOfLeadingZeros(mask);
    }

    /** Adds the next merge. If the pair is there already, the earlier merge stays. */
    void add(int left, int right, int result) {
        long key = (long) left << 32 | right;
        int slot = slot(key);
        if (keys[slot] == EMPTY) {
            keys[slot] = key;
            ranks[slot] = count;
        }
        results[count++] = result;
    }

    /** The place in the list, or -1. */
    int rank(int left, int right) {
        long key = (long) left << 32 | right;
        int slot = slot(key);
        return keys[slot] == EMPTY ? -1 : ranks[slot];
    }

    int result(int rank) {
        return results[rank];
    }

    private int slot(long key) {
        int slot = (int) (key * seed >>> shift);
        while (keys[slot] != EMPTY && keys[slot] != key) {
            slot = slot + 1 & mask;
        }
        return slot;
    }
}
