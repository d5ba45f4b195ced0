package org.crema.kernels.gpu;

import java.util.Map;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;

/**
 * How an attention is spread over work-groups. Latent attention is the case of one key head whose value is the first part of the key.
 *
 * @param key columns of a key
 * @param value columns of a value
 * @param query columns of the first part of the query
 * @param heads query heads in all
 * @param keyHeads key heads
 * @param firstValue column of the first value in a cache row
 * @param block query heads of a work-group
 * @param group work-items of a work-group, and keys of a pass
 * @param wanted work-groups that fill the device
 */
public record AttentionShape(int key, int value, int query, int heads, int keyHeads, int firstValue, int block, int group,
        int wanted) {
    /** Work-groups that keep a unit of a GPU busy. */
    private static final int GROUPS_PER_UNIT = 4;
    /** Floats that a work-item sums in at most; more would not stay in registers. */
    private static final int MOST_SUMS = 64;
    /** Most bytes of partial results that one work-group puts together sooner than another launch would. */
    private static final long MERGED_BYTES = 256 << 10;
    /** Most parts of which it does: a work-item of a wave has one. */
    private static final int MERGED_PARTS = 32;
    /** Cells before the partial results; the first holds the number of parts. */
    private static final int HEADER = 4;

    public static AttentionShape of(Op.Attention op, Tuning tuning, Capacity capacity) {
        int key = op.q().columns();
        return fit(key, op.out().columns(), key, op.q().groups(), op.keyHeads(), op.keyHeads() * key, tuning, capacity);
    }

    public static AttentionShape of(Op.LatentAttention op, Tuning tuning, Capacity capacity) {
        return fit(op.source().columns(), op.latent(), op.latent(), op.q().groups(), 1, 0, tuning, capacity);
    }

    /** Work-groups for which there are counters: those that share positions are fewer than fill the device. */
    static int mostTickets(Tuning tuning, Capacity capacity) {
        return wanted(tuning, capacity);
    }

    private static int wanted(Tuning tuning, Capacity capacity) {
        // A processor's unit has one work-group at a time, and putting parts together costs it a launch.
        return tuning.wideSums() ? capacity.units() : GROUPS_PER_UNIT * capacity.units();
    }

    private static AttentionShape fit(int key, int value, int query, int heads, int keyHeads, int firstValue, Tuning tuning,
            Capacity capacity) {
        int block = Math.min(heads / keyHeads, tuning.attentionHeads());
        if (tuning.wideSums()) {
            // Heads are spread over a processor's units before positions are.
            block = Math.min(block, Math.ceilDiv(heads, wanted(tuning, capacity)));
        }
        AttentionShape shape = new AttentionShape(key, value, query, heads, keyHeads, firstValue, block, tuning.attentionGroup(),
                wanted(tuning, capacity));
        while (shape.block > 1
                && (shape.localBytes() > capacity.localMemory() || (!capacity.processor() && shape.sums() > MOST_SUMS))) {
            shape = new AttentionShape(key, value, query, heads, keyHeads, firstValue, (shape.block + 1) / 2, shape.group,
                    shape.wanted);
        }
        return shape;
    }

    /** Query heads of a key head. */
    public int ratio() {
        return heads / keyHeads;
    }

    /** Work-groups for a token and a part. */
    public int groups() {
        return keyHeads * Math.ceilDiv(ratio(), block);
    }

    /** Local memory of a work-group, in bytes. */
    public long localBytes() {
        return 4L * block * (key + group + 2) + 8L * group;
    }

    private int sums() {
        return block * Math.ceilDiv(value, group);
    }

    /** In how many parts the positions are cut so that the device is busy. */
    public int parts(int tokens, int longest) {
        if (tokens * (long) groups() >= wanted) {
            return 1;
        }
        return Math.clamp(Math.ceilDiv(wanted, tokens * groups()), 1, Math.max(1, Math.ceilDiv(longest, group)));
    }

    /** Parts up to which the last work-group of a head to finish puts them together. */
    int mergedParts() {
        return (int) Math.min(MERGED_PARTS, MERGED_BYTES / (4L * block * (value + 2)));
    }

    /** Bytes of the partial results of any step. */
    public long partialBytes(Limits limits) {
        long rows = 0;
        for (int tokens = 1; tokens <= limits.tokens() && parts(tokens, limits.context()) > 1; tokens++) {
            rows = Math.max(rows, (long) tokens * parts(tokens, limits.context()));
        }
        return 4 * (HEADER + rows * heads * (value + 2L));
    }

    /** What the kernels are built with. */
    public Map<String, Integer> constants() {
        return Map.of("KEY", key, "VALUE", value, "QUERY", query, "HEADS", block, "GROUP", group);
    }
}
