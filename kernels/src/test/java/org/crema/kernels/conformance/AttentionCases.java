package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Cache;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Slot;
import org.crema.kernels.View;

/** {@link Op.CacheWrite}, {@link Op.Attention} and {@link Op.LatentAttention} over histories that grow from step to step. */
final class AttentionCases {
    private AttentionCases() {}

    /**
     * Steps of an attention.
     *
     * @param pageRows rows of a page
     * @param fill tokens of each sequence that are only written to the cache
     * @param steps tokens of each sequence in each step
     */
    record History(String name, int pageRows, List<Integer> fill, List<List<Integer>> steps) {
        int sequences() {
            return fill.size();
        }

        int context() {
            int most = 0;
            for (int s = 0; s < sequences(); s++) {
                int length = fill.get(s);
                for (List<Integer> step : steps) {
                    length += step.get(s);
                }
                most = Math.max(most, length);
            }
            return most;
        }

        int tokens() {
            return steps.stream().mapToInt(step -> step.stream().mapToInt(Integer::intValue).sum()).max().orElseThrow();
        }

        /** Queries times keys. */
        long pairs() {
            return (long) tokens() * context();
        }
    }

    /** After the step the lengths are 1, 5, 255, 256, 257 and 700. */
    private static final History LENGTHS = new History("lengths", 256, List.of(0, 4, 254, 255, 256, 699),
            List.of(List.of(1, 1, 1, 1, 1, 1)));
    private static final History ONE = new History("one", 256, List.of(0), List.of(List.of(1), List.of(1), List.of(1)));
    private static final History CHUNKS = new History("chunks", 32, List.of(0, 0, 0),
            List.of(List.of(5, 0, 33), List.of(1, 2, 7), List.of(28, 31, 0), List.of(1, 1, 1), List.of(0, 40, 3),
                    List.of(1, 1, 1)));
    private static final History PROMPT = new History("prompt", 256, List.of(240), List.of(List.of(33), List.of(1)));
    private static final History MIXED = new History("mixed", 16, List.of(90, 0, 17),
            List.of(List.of(1, 19, 3), List.of(1, 1, 1)));

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (Cache.Type type : Cache.Type.values()) {
            cases.add(latent(type, 16, 512, 64, LENGTHS));
            cases.add(latent(type, 2, 32, 32, CHUNKS));
            cases.add(latent(type, 3, 96, 32, MIXED));
            cases.add(grouped(type, 8, 2, 64, 64, 0, 0, LENGTHS));
            cases.add(grouped(type, 4, 4, 96, 96, 0, 0, CHUNKS));
            cases.add(grouped(type, 6, 1, 128, 128, 0, 0, MIXED));
            cases.add(grouped(type, 4, 2, 80, 80, 0, 0, CHUNKS));
            cases.add(grouped(type, 2, 2, 192, 128, 0, 0, MIXED));
            cases.add(grouped(type, 4, 2, 64, 64, 7, 0, CHUNKS));
            cases.add(grouped(type, 4, 1, 64, 64, 256, 30, LENGTHS));
            cases.add(grouped(type, 2, 1, 64, 64, 1, 0, MIXED));
            cases.add(grouped(type, 2, 1, 64, 64, 0, 2, MIXED));
            cases.add(grouped(type, 1, 1, 32, 32, 0, 0, ONE));
        }
        // 48 columns: a Q8_0 cache has to be refused.
        for (Cache.Type type : Cache.Type.values()) {
            cases.add(latent(type, 2, 32, 16, CHUNKS));
        }
        cases.add(latent(Cache.Type.F16, 16, 512, 64, PROMPT));
        cases.add(latent(Cache.Type.F16, 128, 512, 64, ONE));
        cases.add(grouped(Cache.Type.F16, 32, 8, 128, 128, 0, 0, PROMPT));
        cases.add(grouped(Cache.Type.F16, 28, 4, 128, 128, 0, 50, MIXED));
        return cases;
    }

    static Case latent(Cache.Type type, int heads, int latent, int rope, History history) {
        String name = "LatentAttention/%s/%dx(%d+%d)/%s".formatted(type, heads, latent, rope, history.name());
        return new Case(name, history.pairs() * heads * (2 * latent + rope), data -> {
            Scenario s = new Scenario(name, data).cache(type);
            Cache cache = new Cache(0, latent + rope);
            View q = s.input("q", TOKENS, heads * latent).groups(heads);
            // The rotary part where a full query holds it: after another part of each head.
            View qRope = s.input("q_full", TOKENS, heads * (24 + rope)).groups(heads, 24, rope);
            View row = s.input("kv", TOKENS, latent + 8).columns(0, latent);
            View rowRope = s.input("k_rope", TOKENS, rope).all();
            Slot out = s.slot("out", TOKENS, heads * latent);
            float scale = (float) (1.5 / Math.sqrt(latent + rope));
            s.place(0).add(new Op.CacheWrite(cache, List.of(row, rowRope)));
            s.place(1).add(new Op.LatentAttention(out.groups(heads), q, qRope, cache, scale));
            return steps(s, history, out);
        });
    }

    static Case grouped(Cache.Type type, int heads, int keyHeads, int key, int value, int window, float softCap,
            History history) {
        String name = "Attention/%s/%d over %d x(%d+%d)%s%s/%s".formatted(type, heads, keyHeads, key, value,
                window > 0 ? "/window " + window : "", softCap > 0 ? "/cap " + softCap : "", history.name());
        return new Case(name, history.pairs() * heads * (key + value), data -> {
            Scenario s = new Scenario(name, data).cache(type);
            Cache cache = new Cache(3, keyHeads * (key + value));
            View q = s.input("q", TOKENS, heads * (key + 8)).groups(heads, 4, key);
            View k = s.input("k", TOKENS, keyHeads * key).groups(keyHeads);
            View v = s.input("v", TOKENS, keyHeads * value).all();
            Slot out = s.input("out", TOKENS, heads * (value + 4));
            float scale = (float) (1.5 / Math.sqrt(key));
            s.place(0).add(new Op.CacheWrite(cache, List.of(k, v)));
            s.place(1).add(new Op.Attention(out.groups(heads, 2, value), q, cache, keyHeads, scale, window, softCap));
            return steps(s, history, out);
        });
    }

    private static Scenario steps(Scenario s, History history, Slot out) {
        int most = history.tokens();
        for (int tokens : history.fill()) {
            most = Math.max(most, Math.min(tokens, 256));
        }
        Limits limits = Batch.paged(most, history.sequences(), history.pageRows(), history.context());
        s.outputs(limits, out);
        Batch batch = new Batch(limits, s.data());
        for (int seq = 0; seq < history.sequences(); seq++) {
            for (int left = history.fill().get(seq); left > 0; left -= Math.min(left, 256)) {
                int[] counts = new int[history.sequences()];
                counts[seq] = Math.min(left, 256);
                s.fill(batch.step(counts));
                s.cut(Scenario.Cut.PARTS);
            }
        }
        for (List<Integer> counts : history.steps()) {
            s.round(batch.step(counts.stream().mapToInt(Integer::intValue).toArray()));
        }
        return s;
    }
}
