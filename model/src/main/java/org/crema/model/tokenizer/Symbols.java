package org.crema.model.tokenizer;

import java.util.Arrays;

/**
 * The pieces of one word while they are merged: a linked list over the places where pieces start, and a heap of the pairs that can
 * be merged. The pair with the smallest rank merges first, of equal ranks the leftmost. Takes O(n log n) for n pieces. The arrays
 * are kept for the next word.
 */
abstract class Symbols {
    private static final long NONE = Long.MAX_VALUE;

    /** The token of the piece that starts at a place, or -1 if it is none. */
    int[] token = new int[64];
    /** Where the next piece starts; the length of the word after the last one. */
    int[] next = new int[64];
    private int[] previous = new int[64];
    private int[] merge = new int[64];
    private long[] heap = new long[64];
    private int count;
    private int length;

    /** A way to merge two pieces that follow one another, 0 or more, or -1 if there is none. */
    abstract int merge(int left, int right);

    /** Which merge goes first: the smallest, 0 or more. */
    abstract int rank(int merge);

    /** The token that a merge makes. */
    abstract int result(int merge);

    /** Makes room for a word of so many places. */
    void reserve(int places) {
        if (token.length < places) {
            int size = (int) Math.min(Integer.MAX_VALUE - 8L, Math.max(places, token.length * 2L));
            token = new int[size];
            next = new int[size];
            previous = new int[size];
            merge = new int[size];
        }
        length = places;
    }

    /** Merges a word whose {@link #token} and {@link #next} are set, beginning at place 0. */
    void mergeAll() {
        count = 0;
        int before = -1;
        for (int at = 0; at < length; at = next[at]) {
            previous[at] = before;
            merge[at] = -1;
            if (before >= 0) {
                pair(before, at);
            }
            before = at;
        }
        while (count > 0) {
            long key = pop();
            int left = (int) key;
            // Entries of pairs that have changed since stay in the heap; their key tells.
            if (merge[left] < 0 || key(left) != key) {
                continue;
            }
            int right = next[left];
            token[left] = result(merge[left]);
            merge[left] = -1;
            merge[right] = -1;
            int after = next[right];
            next[left] = after;
            if (after < length) {
                previous[after] = left;
                pair(left, after);
            }
            if (previous[left] >= 0) {
                pair(previous[left], left);
            }
        }
    }

    private void pair(int left, int right) {
        merge[left] = merge(left, right);
        if (merge[left] >= 0) {
            push(key(left));
        }
    }

    private long key(int left) {
        return merge[left] < 0 ? NONE : (long) rank(merge[left]) << 32 | left;
    }

    private void push(long key) {
        if (count == heap.length) {
            heap = Arrays.copyOf(heap, (int) Math.min(Integer.MAX_VALUE - 8L, count * 2L));
        }
        int at = count++;
        while (at > 0) {
            int parent = (at - 1) >>> 1;
            if (heap[parent] <= key) {
                break;
            }
            heap[at] = heap[parent];
            at = parent;
        }
        heap[at] = key;
    }

    private long pop() {
        long top = heap[0];
        long last = heap[--count];
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= count) {
                break;
            }
            if (child + 1 < count && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= last) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = last;
        return top;
    }
}
