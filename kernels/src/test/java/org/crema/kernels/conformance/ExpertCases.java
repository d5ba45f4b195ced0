package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.crema.kernels.Element;
import org.crema.kernels.Op;
import org.crema.kernels.Routing;
import org.crema.kernels.Routing.GroupScore;
import org.crema.kernels.Routing.Scoring;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/** {@link Op.GateExperts}, {@link Op.ExpertMatMul} and {@link Op.ExpertSum}. */
final class ExpertCases {
    private ExpertCases() {}

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        gates(cases);
        for (QuantType type : QuantType.values()) {
            int[] columns = MatMulCases.columns(type);
            int wide = 2 * Math.max(128, type.blockSize());
            cases.add(gate("type " + type, type, wide, 5, Routing.plain(Scoring.SOFTMAX, 8, 3, false, 1), true));
            cases.add(matMul(type, 8, 3, 17, columns[0], 1, TOKENS));
            cases.add(matMul(type, 8, 3, 17, columns[1], 2, Rows.pairs(3)));
            cases.add(matMul(type, 8, 3, 33, columns[0], 7, TOKENS));
            cases.add(matMul(type, 8, 3, 17, columns[2], 33, Rows.pairs(3)));
            cases.add(oneForAll(type, columns[0], 33));
        }
        cases.add(matMul(QuantType.Q4_K, 160, 6, 17, 256, 8, TOKENS));
        cases.add(matMul(QuantType.Q5_0, 64, 6, 65, 1408, 3, Rows.pairs(6)));
        cases.add(matMul(QuantType.Q8_0, 4, 4, 100, 96, 3, Rows.pairs(4)));
        cases.add(matMul(QuantType.Q6_K, 2, 1, 5, 256, 512, TOKENS));
        for (int[] shape : new int[][] {{1, 1, 1}, {2, 5, 7}, {6, 257, 1}, {6, 2048, 2}, {8, 33, 33}, {3, 64, 512}}) {
            cases.add(sum(shape[0], shape[1], shape[2]));
        }
        return cases;
    }

    private static void gates(List<Case> cases) {
        Routing lite = Routing.plain(Scoring.SOFTMAX, 64, 6, false, 1);
        Routing v2 = new Routing(Scoring.SOFTMAX, 160, 6, 8, 3, GroupScore.MAX, false, 16);
        Routing v3 = new Routing(Scoring.SIGMOID, 256, 8, 8, 4, GroupScore.TOP2_SUM, true, 2.5f);
        Routing qwen = Routing.plain(Scoring.SOFTMAX, 128, 8, true, 1);
        for (int tokens : new int[] {1, 2, 7, 33}) {
            cases.add(gate("lite", QuantType.F32, 256, tokens, lite, false));
            cases.add(gate("v2", QuantType.F32, 128, tokens, v2, false));
            cases.add(gate("v3", QuantType.F32, 128, tokens, v3, true));
            cases.add(gate("qwen", QuantType.F32, 96, tokens, qwen, false));
        }
        cases.add(gate("many tokens", QuantType.F32, 32, 512, Routing.plain(Scoring.SOFTMAX, 8, 2, true, 1), false));
        cases.add(gate("one expert", QuantType.F32, 32, 3, Routing.plain(Scoring.SOFTMAX, 1, 1, true, 2), false));
        cases.add(gate("all of two", QuantType.F32, 32, 3, Routing.plain(Scoring.SIGMOID, 2, 2, true, 1), false));
        cases.add(gate("odd count", QuantType.F32, 40, 5, Routing.plain(Scoring.SOFTMAX, 37, 5, true, 1), true));
        cases.add(gate("group of one", QuantType.F32, 64, 5,
                new Routing(Scoring.SIGMOID, 6, 2, 6, 3, GroupScore.TOP2_SUM, false, 1), true));
        cases.add(gate("all groups", QuantType.F32, 64, 5, new Routing(Scoring.SIGMOID, 12, 5, 3, 3, GroupScore.MAX, true, 1),
                true));
        cases.add(gate("every expert of a group", QuantType.F32, 64, 5,
                new Routing(Scoring.SOFTMAX, 12, 4, 3, 1, GroupScore.TOP2_SUM, false, 1), false));

        Routing grouped = new Routing(Scoring.SIGMOID, 16, 4, 4, 2, GroupScore.TOP2_SUM, true, 1);
        Routing plain = Routing.plain(Scoring.SOFTMAX, 16, 4, false, 1);
        for (Routing routing : List.of(plain, grouped, new Routing(Scoring.SOFTMAX, 16, 4, 4, 2, GroupScore.MAX, false, 1))) {
            String kind = routing.scoring() + " " + routing.groups() + " groups";
            // Zero input: every logit is 0, so that only the order of the numbers decides.
            cases.add(exact("equal logits " + kind, routing, d -> row -> 0f, d -> rows(d, 16, (e, c) -> 0.1f)));
            // Router rows in pairs, so that each probability comes twice.
            cases.add(exact("ties " + kind, routing, d -> row -> row + 1f, d -> rows(d, 16, (e, c) -> ((e * 5) % 8) * 0.01f)));
            cases.add(exact("descending " + kind, routing, d -> row -> 1f, d -> rows(d, 16, (e, c) -> -e * 0.02f)));
            cases.add(exact("ascending " + kind, routing, d -> row -> 1f, d -> rows(d, 16, (e, c) -> e * 0.02f)));
            cases.add(exact("a NaN token " + kind, routing, d -> row -> row == 1 ? Float.NaN : 1f,
                    d -> rows(d, 16, (e, c) -> ((e * 7) % 16) * 0.02f)));
            cases.add(exact("NaN experts " + kind, routing, d -> row -> 1f,
                    d -> rows(d, 16, (e, c) -> e % 3 == 0 ? Float.NaN : e * 0.02f)));
            cases.add(exact("large logits " + kind, routing, d -> row -> 100f,
                    d -> rows(d, 16, (e, c) -> ((e * 11) % 16) * 0.001f)));
        }
    }

    /** A value for an expert and a column. */
    @FunctionalInterface
    private interface Cell {
        float at(int expert, int column);
    }

    /** What the columns of a token hold. */
    @FunctionalInterface
    private interface Input {
        float of(int row);
    }

    private static Weight rows(RandomData data, int experts, Cell cell) {
        float[] values = new float[experts * 32];
        for (int i = 0; i < values.length; i++) {
            values[i] = cell.at(i / 32, i % 32);
        }
        return data.vectors("router", QuantType.F32, experts, values);
    }

    /** The ids must be the reference's, every one. */
    private static Case exact(String what, Routing routing, Function<RandomData, Input> input,
            Function<RandomData, Weight> router) {
        String name = "GateExperts/" + what;
        return new Case(name, 16 * 32 * 3, data -> {
            Scenario s = new Scenario(name, data);
            Input value = input.apply(data);
            Slot in = s.input("in", TOKENS, 32, Element.F32, (cells, at, n, row) -> {
                for (int i = 0; i < n; i++) {
                    cells[at + i] = Float.floatToRawIntBits(value.of(row));
                }
            });
            return gate(s, in.all(), router.apply(data), Optional.empty(), routing, true, 3);
        });
    }

    static Case gate(String what, QuantType type, int columns, int tokens, Routing routing, boolean biased) {
        String name = "GateExperts/%s/%d of %d/b%d".formatted(what, routing.used(), routing.experts(), tokens);
        return new Case(name, (long) columns * tokens * routing.experts(), data -> {
            Scenario s = new Scenario(name, data);
            Optional<Weight> bias = Optional.empty();
            if (biased) {
                float[] values = new float[routing.experts()];
                for (int e = 0; e < values.length; e++) {
                    values[e] = 0.2f * data.gaussian();
                }
                bias = Optional.of(data.vectors("bias", QuantType.F32, 1, values));
            }
            View in = s.input("in", TOKENS, columns).all();
            return gate(s, in, data.weight("router", type, routing.experts(), columns), bias, routing, false, tokens);
        });
    }

    private static Scenario gate(Scenario s, View in, Weight router, Optional<Weight> bias, Routing routing, boolean exact,
            int tokens) {
        Slot ids = s.ids("ids", routing.used());
        Slot weights = s.slot("weights", TOKENS, routing.used());
        Op.GateExperts op = new Op.GateExperts(ids.all(), weights.all(), in, router, bias, routing);
        return MatMulCases.steps(s.add(op).gate(op, exact), tokens, 2, ids, weights);
    }

    static Case matMul(QuantType type, int experts, int used, int rows, int columns, int tokens, Rows domain) {
        String name = "ExpertMatMul/%s/%d of %d/%dx%d/b%d%s".formatted(type, used, experts, rows, columns, tokens,
                domain.each() > 1 ? "/pairs" : "");
        return new Case(name, (long) used * rows * columns * tokens, data -> expertMatMul(name, data, type, experts, used, rows,
                columns, tokens, domain, false));
    }

    /** Every token goes to one expert; all others stay empty. */
    private static Case oneForAll(QuantType type, int columns, int tokens) {
        String name = "ExpertMatMul/%s/one for all/5x%d/b%d".formatted(type, columns, tokens);
        return new Case(name, 5L * columns * tokens, data -> expertMatMul(name, data, type, 4, 1, 5, columns, tokens, TOKENS,
                true));
    }

    private static Scenario expertMatMul(String name, RandomData data, QuantType type, int experts, int used, int rows,
            int columns, int tokens, Rows domain, boolean same) {
        Scenario s = new Scenario(name, data);
        Slot ids = s.input("ids", TOKENS, used, Element.I32, (cells, at, n, row) -> {
            int[] order = data.shuffled(experts);
            for (int j = 0; j < n; j++) {
                cells[at + j] = same ? 2 : order[j];
            }
        });
        Slot out = s.slot("out", Rows.pairs(used), rows);
        s.add(new Op.ExpertMatMul(out.all(), s.input("in", domain, columns).all(), ids.all(),
                data.weight("experts", type, experts, rows, columns)));
        return MatMulCases.steps(s, tokens, 2, out);
    }

    static Case sum(int used, int columns, int tokens) {
        String name = "ExpertSum/%d/%d/b%d".formatted(used, columns, tokens);
        return new Case(name, (long) used * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot out = s.input("out", TOKENS, columns + 6);
            s.add(new Op.ExpertSum(out.columns(1, columns), s.input("in", Rows.pairs(used), columns + 2).columns(2, columns),
                    s.input("weights", TOKENS, used + 1).columns(1, used)));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }
}
