package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.crema.kernels.Cache;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Rotation;
import org.crema.kernels.Routing;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.quant.QuantType;

/** Ops that stand together in models, which backends make one of. Fewer layers than {@link LayerCases}, so that every type has them. */
final class FusedCases {
    private static final int EXPERTS = 8;
    private static final int USED = 3;
    /** Columns of an activation; whole blocks of any type. */
    private static final int MIDDLE = 256;

    /** Kernels that are the same over each type's own function. */
    private static final List<QuantType> OPTIONAL = List.of(QuantType.F16, QuantType.Q5_0, QuantType.Q4_K, QuantType.IQ2_XS);

    private FusedCases() {}

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (QuantType type : QuantType.values()) {
            int[] columns = MatMulCases.columns(type);
            int width = columns[type.id() % columns.length];
            cases.add(gated(type, 33, width, 1));
            cases.add(gated(type, 17, columns[0], 5));
            cases.add(gatedExperts(type, 17, width, 1));
            cases.add(gatedExperts(type, 33, columns[0], 9));
            cases.add(residual(type, 17, width, 1, false));
            cases.add(residual(type, 33, columns[0], 5, true));
        }
        cases.add(mixture(QuantType.Q5_0, QuantType.Q5_0, 64, 1, 64, 32));
        cases.add(residual(QuantType.Q4_K, 65, 512, 33, true));
        cases.add(gated(QuantType.Q6_K, 65, 512, 33));
        for (QuantType type : OPTIONAL) {
            int[] columns = MatMulCases.columns(type);
            cases.add(feedForward(type, columns[0], 1));
            cases.add(feedForward(type, columns[0], 3));
            cases.add(feedForwardOfExperts(type, columns[0], 1));
            cases.add(feedForwardOfExperts(type, columns[0], 7));
            cases.add(joint(type, 17, 70, columns[0], 1));
            cases.add(joint(type, 65, 3, columns[2], 5));
            cases.add(mixture(type, type, columns[0], 1, 256, MIDDLE));
            cases.add(mixture(type, type, columns[0], 1, 512, MIDDLE));
            cases.add(mixture(type, type, columns[0], 3, 256, MIDDLE));
            cases.add(mixture(type, QuantType.Q8_0, columns[0], 1, 256, MIDDLE));
            cases.add(expertOutput(type, 33, columns[1], 1, true));
            cases.add(expertOutput(type, 17, columns[0], 3, false));
            cases.add(expertOutput(type, 17, columns[2], 9, true));
            for (int tokens : new int[] {1, 3}) {
                cases.add(normed(type, columns[0], tokens));
                cases.add(normedExpertOutput(type, columns[0], tokens));
                cases.add(lowRank(type, columns[0], tokens));
                cases.add(heads(type, columns[0], tokens));
            }
        }
        for (int tokens : new int[] {1, 7}) {
            cases.add(sum(65, tokens));
            cases.add(route(96, tokens));
            for (Cache.Type type : Cache.Type.values()) {
                cases.add(append(type, tokens, true, true));
                cases.add(append(type, tokens, false, true));
                cases.add(append(type, tokens, true, false));
            }
        }
        return cases;
    }

    private static Case gated(QuantType type, int rows, int columns, int tokens) {
        String name = "Fused/gate and up/%s/%dx%d/b%d".formatted(type, rows, columns, tokens);
        return new Case(name, 2L * rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            Slot gate = s.slot("gate", TOKENS, rows);
            Slot up = s.slot("up", TOKENS, rows);
            Slot out = s.slot("out", TOKENS, rows);
            s.add(new Op.MatMul(gate.all(), in, data.weight("gate", type, rows, columns)));
            s.add(new Op.MatMul(up.all(), in, data.weight("up", type, rows, columns)));
            s.add(new Op.SwiGlu(out.all(), gate.all(), up.all()));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    private static Case gatedExperts(QuantType type, int rows, int columns, int tokens) {
        String name = "Fused/gate and up of experts/%s/%dx%d/b%d".formatted(type, rows, columns, tokens);
        return new Case(name, 2L * USED * rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            View ids = s.input("ids", TOKENS, USED, Element.I32, (cells, at, n, row) -> System.arraycopy(data.shuffled(EXPERTS),
                    0, cells, at, n)).all();
            Rows pairs = Rows.pairs(USED);
            Slot gate = s.slot("gate", pairs, rows);
            Slot up = s.slot("up", pairs, rows);
            Slot out = s.slot("out", pairs, rows);
            s.add(new Op.ExpertMatMul(gate.all(), in, ids, data.weight("gate", type, EXPERTS, rows, columns)));
            s.add(new Op.ExpertMatMul(up.all(), in, ids, data.weight("up", type, EXPERTS, rows, columns)));
            s.add(new Op.SwiGlu(out.all(), gate.all(), up.all()));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    /** @param inPlace whether the sum is written where the other summand was */
    private static Case residual(QuantType type, int rows, int columns, int tokens, boolean inPlace) {
        String name = "Fused/residual%s/%s/%dx%d/b%d".formatted(inPlace ? " in place" : "", type, rows, columns, tokens);
        return new Case(name, (long) rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            Slot other = s.input("other", TOKENS, rows);
            Slot product = s.slot("product", TOKENS, rows);
            Slot out = inPlace ? other : s.slot("out", TOKENS, rows);
            s.add(new Op.MatMul(product.all(), in, data.weight("weight", type, rows, columns)));
            s.add(new Op.Add(out.all(), inPlace ? other.all() : product.all(), inPlace ? product.all() : other.all()));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    private static Case sum(int columns, int tokens) {
        String name = "Fused/sum over experts/%d/b%d".formatted(columns, tokens);
        return new Case(name, (long) USED * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot sum = s.slot("sum", TOKENS, columns);
            Slot out = s.slot("out", TOKENS, columns);
            s.add(new Op.ExpertSum(sum.all(), s.input("in", Rows.pairs(USED), columns).all(), s.input("weights", TOKENS, USED)
                    .all()));
            s.add(new Op.Add(out.all(), s.input("other", TOKENS, columns).all(), sum.all()));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    /** The activation is for the next product only. */
    private static Case feedForward(QuantType type, int columns, int tokens) {
        String name = "Fused/feed-forward/%s/%d/b%d".formatted(type, columns, tokens);
        return new Case(name, 3L * MIDDLE * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            Slot gate = s.slot("gate", TOKENS, MIDDLE);
            Slot up = s.slot("up", TOKENS, MIDDLE);
            Slot out = s.slot("out", TOKENS, 17);
            s.add(new Op.MatMul(gate.all(), in, data.weight("gate", type, MIDDLE, columns)));
            s.add(new Op.MatMul(up.all(), in, data.weight("up", type, MIDDLE, columns)));
            s.add(new Op.SwiGlu(gate.all(), gate.all(), up.all()));
            s.add(new Op.MatMul(out.all(), gate.all(), data.weight("down", type, 17, MIDDLE)));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    private static Case feedForwardOfExperts(QuantType type, int columns, int tokens) {
        String name = "Fused/feed-forward of experts/%s/%d/b%d".formatted(type, columns, tokens);
        return new Case(name, 3L * USED * MIDDLE * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            View ids = s.input("ids", TOKENS, USED, Element.I32, (cells, at, n, row) -> System.arraycopy(data.shuffled(EXPERTS),
                    0, cells, at, n)).all();
            Rows pairs = Rows.pairs(USED);
            Slot gate = s.slot("gate", pairs, MIDDLE);
            Slot up = s.slot("up", pairs, MIDDLE);
            Slot out = s.slot("out", pairs, 17);
            s.add(new Op.ExpertMatMul(gate.all(), in, ids, data.weight("gate", type, EXPERTS, MIDDLE, columns)));
            s.add(new Op.ExpertMatMul(up.all(), in, ids, data.weight("up", type, EXPERTS, MIDDLE, columns)));
            s.add(new Op.SwiGlu(gate.all(), gate.all(), up.all()));
            s.add(new Op.ExpertMatMul(out.all(), gate.all(), ids, data.weight("down", type, EXPERTS, 17, MIDDLE)));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    private static Case joint(QuantType type, int rows, int more, int columns, int tokens) {
        String name = "Fused/joint/%s/%d+%dx%d/b%d".formatted(type, rows, more, columns, tokens);
        return new Case(name, (long) (rows + more) * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            Slot first = s.slot("first", TOKENS, rows);
            Slot second = s.slot("second", TOKENS, more);
            s.add(new Op.MatMul(first.all(), in, data.weight("first", type, rows, columns), Optional.of(data.weight("bias",
                    QuantType.F32, 1, rows))));
            s.add(new Op.MatMul(second.all(), in, data.weight("second", type, more, columns)));
            return MatMulCases.steps(s, tokens, 2, first, second);
        });
    }

    /** @param add whether the sum is added to something, in place */
    private static Case expertOutput(QuantType type, int rows, int columns, int tokens, boolean add) {
        String name = "Fused/output of experts%s/%s/%dx%d/b%d".formatted(add ? ", residual" : "", type, rows, columns, tokens);
        return new Case(name, (long) USED * rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View ids = s.input("ids", TOKENS, USED, Element.I32, (cells, at, n, row) -> System.arraycopy(data.shuffled(EXPERTS),
                    0, cells, at, n)).all();
            Rows pairs = Rows.pairs(USED);
            View in = s.input("in", pairs, columns).all();
            Slot products = s.slot("products", pairs, rows);
            Slot sum = s.slot("sum", TOKENS, rows);
            s.add(new Op.ExpertMatMul(products.all(), in, ids, data.weight("down", type, EXPERTS, rows, columns)));
            s.add(new Op.ExpertSum(sum.all(), products.all(), s.input("weights", TOKENS, USED).all()));
            if (add) {
                Slot x = s.input("x", TOKENS, rows);
                s.add(new Op.Add(x.all(), x.all(), sum.all()));
                return MatMulCases.steps(s, tokens, 2, x);
            }
            return MatMulCases.steps(s, tokens, 2, sum);
        });
    }

    /**
     * Shared experts beside chosen ones.
     *
     * @param last type of the last product of the chosen ones
     * @param middle columns of the activations of the shared ones
     * @param each columns of the activations of a chosen one
     */
    private static Case mixture(QuantType type, QuantType last, int columns, int tokens, int middle, int each) {
        String name = "Fused/mixture/%s, %s/%d+%dx%d/b%d".formatted(type, last, middle, each, columns, tokens);
        return new Case(name, (2L * columns + 17) * (USED * each + middle) * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            View ids = s.input("ids", TOKENS, USED, Element.I32, (cells, at, n, row) -> System.arraycopy(data.shuffled(EXPERTS),
                    0, cells, at, n)).all();
            Slot x = s.input("x", TOKENS, 17);
            Slot[] shared = {s.slot("gate", TOKENS, middle), s.slot("up", TOKENS, middle), s.slot("act", TOKENS, middle)};
            Slot down = s.slot("down", TOKENS, 17);
            Slot between = s.slot("between", TOKENS, 17);
            s.add(new Op.MatMul(shared[0].all(), in, data.weight("gate", type, middle, columns)));
            s.add(new Op.MatMul(shared[1].all(), in, data.weight("up", type, middle, columns)));
            s.add(new Op.SwiGlu(shared[2].all(), shared[0].all(), shared[1].all()));
            s.add(new Op.MatMul(down.all(), shared[2].all(), data.weight("down", type, 17, middle)));
            s.add(new Op.Add(between.all(), x.all(), down.all()));
            Rows pairs = Rows.pairs(USED);
            Slot[] chosen = {s.slot("gates", pairs, each), s.slot("ups", pairs, each), s.slot("acts", pairs, each)};
            Slot products = s.slot("downs", pairs, 17);
            Slot sum = s.slot("sum", TOKENS, 17);
            Slot out = s.slot("out", TOKENS, 17);
            s.add(new Op.ExpertMatMul(chosen[0].all(), in, ids, data.weight("gates", type, EXPERTS, each, columns)));
            s.add(new Op.ExpertMatMul(chosen[1].all(), in, ids, data.weight("ups", type, EXPERTS, each, columns)));
            s.add(new Op.SwiGlu(chosen[2].all(), chosen[0].all(), chosen[1].all()));
            s.add(new Op.ExpertMatMul(products.all(), chosen[2].all(), ids, data.weight("downs", last, EXPERTS, 17, each)));
            s.add(new Op.ExpertSum(sum.all(), products.all(), s.input("weights", TOKENS, USED).all()));
            s.add(new Op.Add(out.all(), between.all(), sum.all()));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    /** A residual sum, which is read later too, its norm, and a product of that. */
    private static Case normed(QuantType type, int columns, int tokens) {
        String name = "Fused/residual, norm/%s/%d/b%d".formatted(type, columns, tokens);
        return new Case(name, 2L * MIDDLE * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot x = s.input("x", TOKENS, MIDDLE);
            Slot product = s.slot("product", TOKENS, MIDDLE);
            s.add(new Op.MatMul(product.all(), s.input("in", TOKENS, columns).all(),
                    data.weight("weight", type, MIDDLE, columns)));
            s.add(new Op.Add(x.all(), x.all(), product.all()));
            Slot normed = norm(s, data, x);
            return MatMulCases.steps(s, tokens, 2, x, normed, after(s, data, type, normed));
        });
    }

    /** The same of experts; the norm's columns are a multiple of nothing. */
    private static Case normedExpertOutput(QuantType type, int columns, int tokens) {
        String name = "Fused/output of experts, norm/%s/%d/b%d".formatted(type, columns, tokens);
        int rows = 37;
        return new Case(name, (long) USED * rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View ids = s.input("ids", TOKENS, USED, Element.I32, (cells, at, n, row) -> System.arraycopy(data.shuffled(EXPERTS),
                    0, cells, at, n)).all();
            Rows pairs = Rows.pairs(USED);
            Slot products = s.slot("products", pairs, rows);
            Slot sum = s.slot("sum", TOKENS, rows);
            s.add(new Op.ExpertMatMul(products.all(), s.input("in", pairs, columns).all(), ids, data.weight("down", type, EXPERTS,
                    rows, columns)));
            s.add(new Op.ExpertSum(sum.all(), products.all(), s.input("weights", TOKENS, USED).all()));
            return MatMulCases.steps(s, tokens, 2, sum, norm(s, data, sum));
        });
    }

    /** Two products of one row, the norm of the first, and a product of that. */
    private static Case lowRank(QuantType type, int columns, int tokens) {
        String name = "Fused/joint, norm/%s/%d/b%d".formatted(type, columns, tokens);
        return new Case(name, 2L * MIDDLE * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, columns).all();
            Slot first = s.slot("first", TOKENS, MIDDLE);
            Slot second = s.slot("second", TOKENS, 17);
            s.add(new Op.MatMul(first.all(), in, data.weight("first", type, MIDDLE, columns)));
            s.add(new Op.MatMul(second.all(), in, data.weight("second", type, 17, columns)));
            Slot normed = norm(s, data, first);
            return MatMulCases.steps(s, tokens, 2, first, second, normed, after(s, data, type, normed));
        });
    }

    /** Products of heads, and one of all their rows. */
    private static Case heads(QuantType type, int columns, int tokens) {
        String name = "Fused/heads, product/%s/%d/b%d".formatted(type, columns, tokens);
        int heads = 2;
        return new Case(name, 2L * MIDDLE * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot made = s.slot("made", TOKENS, MIDDLE);
            s.add(new Op.HeadMatMul(made.groups(heads), s.input("in", TOKENS, heads * columns).groups(heads), data.weight("heads",
                    type, heads, MIDDLE / heads, columns), false));
            return MatMulCases.steps(s, tokens, 2, made, after(s, data, type, made));
        });
    }

    private static Slot norm(Scenario s, RandomData data, Slot in) {
        Slot normed = s.slot("normed", TOKENS, in.columns());
        s.add(new Op.RmsNorm(normed.all(), in.all(), data.scales("norm", QuantType.F32, in.columns()), 1e-6f));
        return normed;
    }

    private static Slot after(Scenario s, RandomData data, QuantType type, Slot in) {
        Slot out = s.slot("after", TOKENS, 17);
        s.add(new Op.MatMul(out.all(), in.all(), data.weight("after", type, 17, in.columns())));
        return out;
    }

    /** A norm that the router and others read. */
    private static Case route(int columns, int tokens) {
        String name = "Fused/norm and choice of experts/%d/b%d".formatted(columns, tokens);
        return new Case(name, (long) EXPERTS * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot normed = s.slot("normed", TOKENS, columns);
            Slot ids = s.ids("ids", USED);
            Slot weights = s.slot("weights", TOKENS, USED);
            s.add(new Op.RmsNorm(normed.all(), s.input("in", TOKENS, columns).all(), data.scales("norm", QuantType.F32, columns),
                    1e-6f));
            Op.GateExperts gate = new Op.GateExperts(ids.all(), weights.all(), normed.all(), data.weight("router", QuantType.F32,
                    EXPERTS, columns), Optional.empty(), Routing.plain(Routing.Scoring.SOFTMAX, EXPERTS, USED, true, 2));
            return MatMulCases.steps(s.add(gate), tokens, 2, normed, ids, weights);
        });
    }

    /** What a token leaves in the cache, seen through attention; the query is turned beside it. */
    private static Case append(Cache.Type type, int tokens, boolean norm, boolean query) {
        String name = "Fused/append%s%s/%s/b%d".formatted(norm ? ", norm" : "", query ? ", query" : "", type, tokens);
        int heads = 3;
        int latent = 96;
        int rope = 32;
        return new Case(name, (long) heads * (latent + rope) * tokens * tokens, data -> {
            Scenario s = new Scenario(name, data).cache(type).layer();
            Rotation rotation = new Rotation(Rotation.Pairing.ADJACENT, frequencies(rope / 2), 1.1f);
            Slot kv = s.input("kv", TOKENS, latent + rope + 4);
            Slot full = s.input("q", TOKENS, heads * (latent + rope));
            View turned = full.groups(heads, latent, rope);
            View c = kv.columns(0, latent);
            if (norm) {
                Slot normed = s.slot("normed", TOKENS, latent);
                s.add(new Op.RmsNorm(normed.all(), c, data.scales("norm", QuantType.F32, latent), 1e-6f));
                c = normed.all();
            }
            if (query) {
                s.add(new Op.Rope(turned, turned, rotation));
            }
            View key = kv.columns(latent, rope);
            s.add(new Op.Rope(key, key, rotation));
            Cache cache = new Cache(0, latent + rope);
            s.add(new Op.CacheWrite(cache, List.of(c, key)));
            Slot out = s.slot("out", TOKENS, heads * latent);
            s.add(new Op.LatentAttention(out.groups(heads), full.groups(heads, 0, latent), turned, cache, 0.1f));
            Limits limits = Batch.paged(tokens, 1, 16, 40);
            s.outputs(limits, out, full, kv);
            Batch batch = new Batch(limits, data);
            return s.round(batch.step(tokens)).round(batch.step(1));
        });
    }

    private static List<Double> frequencies(int pairs) {
        return IntStream.range(0, pairs).mapToObj(i -> Math.pow(10000, -1.0 * i / pairs)).toList();
    }
}
