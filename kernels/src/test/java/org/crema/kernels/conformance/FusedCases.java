package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Element;
import org.crema.kernels.Op;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.quant.QuantType;

/** Ops that stand together in models, which backends make one of. Fewer layers than {@link LayerCases}, so that every type has them. */
final class FusedCases {
    private static final int EXPERTS = 8;
    private static final int USED = 3;

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
        cases.add(residual(QuantType.Q4_K, 65, 512, 33, true));
        cases.add(gated(QuantType.Q6_K, 65, 512, 33));
        for (int tokens : new int[] {1, 7}) {
            cases.add(sum(65, tokens));
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
}
