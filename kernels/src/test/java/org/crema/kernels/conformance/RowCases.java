package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.OUTPUTS;
import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rotation.Pairing;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.quant.QuantType;

/** Ops that work on each row by itself. */
final class RowCases {
    private RowCases() {}

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (QuantType type : QuantType.values()) {
            int[] columns = MatMulCases.columns(type);
            cases.add(embed(type, columns[0], 1));
            cases.add(embed(type, columns[1], 7));
            cases.add(norm("type " + type, type, 1, Math.max(type.blockSize(), 64), 3, 1, false));
        }
        cases.add(embed(QuantType.Q4_K, 256, 512));
        for (int[] shape : new int[][] {{1, 1, 1}, {1, 3, 2}, {1, 100, 3}, {1, 257, 7}, {1, 2048, 1}, {1, 5120, 2},
            {1, 64, 512}, {16, 128, 5}, {3, 64, 33}, {2, 17, 4}}) {
            cases.add(norm("shape", QuantType.F32, shape[0], shape[1], shape[2], 1, false));
            cases.add(norm("in place", QuantType.F32, shape[0], shape[1], shape[2], 1, true));
            cases.add(swiGlu(shape[0], shape[1], shape[2], false, 3));
            cases.add(swiGlu(shape[0], shape[1], shape[2], true, 1));
            cases.add(add(shape[0], shape[1], shape[2], false));
            cases.add(add(shape[0], shape[1], shape[2], true));
            cases.add(select(shape[0] * shape[1], shape[2]));
        }
        cases.add(best(3, 7));
        cases.add(best(3000, 7));
        cases.add(norm("tiny values", QuantType.F32, 1, 256, 3, 1e-5f, false));
        cases.add(norm("large values", QuantType.F32, 1, 256, 3, 1e6f, false));
        cases.add(norm("zeros", QuantType.F32, 1, 64, 2, 0, false));
        cases.add(swiGlu(1, 300, 5, false, 100));
        for (Pairing pairing : Pairing.values()) {
            for (int dims : new int[] {2, 64, 96, 128}) {
                cases.add(rope(pairing, 3, dims, 16, false, 1));
                cases.add(rope(pairing, 2, dims, 0, true, 1.2f));
            }
            cases.add(rope(pairing, 1, 64, 512, true, 1));
        }
        return cases;
    }

    static Case embed(QuantType type, int columns, int tokens) {
        String name = "Embed/%s/37x%d/b%d".formatted(type, columns, tokens);
        return new Case(name, (long) columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot out = s.input("out", TOKENS, columns + 9);
            s.add(new Op.Embed(out.columns(4, columns), data.weight("table", type, 37, columns)));
            s.outputs(Batch.tokens(tokens), out);
            for (int i = 0; i < 2; i++) {
                s.round(new Batch(s.limits(), data).vocabulary(37).step(tokens));
            }
            return s;
        });
    }

    static Case norm(String what, QuantType type, int groups, int columns, int tokens, float scale, boolean inPlace) {
        String name = "RmsNorm/%s/%dx%d/b%d".formatted(what, groups, columns, tokens);
        return new Case(name, (long) groups * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = s.input("in", TOKENS, groups * (columns + 6), scale).groups(groups, 3, columns);
            View out = inPlace ? in : s.input("out", TOKENS, groups * (columns + 1)).groups(groups, 1, columns);
            s.add(new Op.RmsNorm(out, in, data.scales("weight", type, columns), 1e-6f));
            return MatMulCases.steps(s, tokens, 2, out.slot());
        });
    }

    /** In place over the gate. */
    static Case swiGlu(int groups, int columns, int tokens, boolean inPlace, float scale) {
        String name = "SwiGlu%s/%dx%d x%s/b%d".formatted(inPlace ? "/in place" : "", groups, columns, scale, tokens);
        return new Case(name, (long) groups * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Rows rows = Rows.pairs(2);
            View gate = s.input("gate", rows, groups * (columns + 2), Element.F32, (cells, at, n, row) -> {
                for (int i = 0; i < n; i++) {
                    // At 100 the ends of the range, where exp overflows a float.
                    cells[at + i] = Float.floatToRawIntBits(scale == 100 ? scale * (1 - 2f * i / n) : scale * data.gaussian());
                }
            }).groups(groups, 1, columns);
            View up = s.input("up", rows, groups * columns, scale).groups(groups);
            View out = inPlace ? gate : s.slot("out", rows, groups * columns).groups(groups);
            s.add(new Op.SwiGlu(out, gate, up));
            return MatMulCases.steps(s, tokens, 2, out.slot());
        });
    }

    static Case add(int groups, int columns, int tokens, boolean inPlace) {
        String name = "Add%s/%dx%d/b%d".formatted(inPlace ? "/in place" : "", groups, columns, tokens);
        return new Case(name, (long) groups * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View a = s.input("a", TOKENS, groups * columns).groups(groups);
            View b = s.input("b", TOKENS, groups * (columns + 5)).groups(groups, 5, columns);
            View out = inPlace ? b : s.input("out", TOKENS, groups * (columns + 7)).groups(groups, 2, columns);
            s.add(new Op.Add(out, a, b));
            return MatMulCases.steps(s, tokens, 2, out.slot());
        });
    }

    static Case select(int columns, int tokens) {
        String name = "SelectRows/%d/b%d".formatted(columns, tokens);
        return new Case(name, (long) columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot out = s.input("out", OUTPUTS, columns + 3);
            s.add(new Op.SelectRows(out.columns(2, columns), s.input("in", TOKENS, columns + 1).columns(1, columns)));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    /** Rows whose best column is hard to find: ties, both zeros, NaN, infinities; see {@code Executable.best}. */
    static Case best(int columns, int tokens) {
        String name = "SelectRows/best of %d/b%d".formatted(columns, tokens);
        return new Case(name, (long) columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Slot in = s.input("in", TOKENS, columns, Element.F32, (cells, at, n, row) -> {
                float most = new float[] {0f, 3e38f, Float.POSITIVE_INFINITY, -1e-40f, Float.NEGATIVE_INFINITY, Float.NaN}[row
                        % 6];
                for (int i = 0; i < n; i++) {
                    cells[at + i] = Float.floatToRawIntBits(i % 3 == 0 && row % 2 == 0
                            ? Float.NEGATIVE_INFINITY
                            : (most < 0 ? most : 0) - 1e-30f - Math.abs(data.gaussian()));
                }
                // The same number twice, once as a negative zero.
                cells[at + n / 3] = Float.floatToRawIntBits(most == 0 ? -0f : most);
                cells[at + 2 * n / 3] = Float.floatToRawIntBits(most);
            });
            Slot out = s.slot("out", OUTPUTS, columns);
            s.add(new Op.SelectRows(out.all(), in.all()));
            return MatMulCases.steps(s, tokens, 2, out);
        });
    }

    static Case rope(Pairing pairing, int heads, int dims, int tokens, boolean inPlace, float magnitude) {
        String name = "Rope/%s/%dx%d%s%s/%s".formatted(pairing, heads, dims, inPlace ? "/in place" : "",
                magnitude == 1 ? "" : "/x" + magnitude, tokens == 0 ? "far" : "b" + tokens);
        return new Case(name, (long) heads * dims * Math.max(tokens, 4), data -> {
            Scenario s = new Scenario(name, data);
            List<Double> frequencies = new ArrayList<>();
            for (int i = 0; i < dims / 2; i++) {
                frequencies.add(Math.pow(10000, -2.0 * i / dims));
            }
            View in = s.input("in", TOKENS, heads * (dims + 32)).groups(heads, 32, dims);
            View out = inPlace ? in : s.input("out", TOKENS, heads * (dims + 3)).groups(heads, 3, dims);
            s.add(new Op.Rope(out, in, new Rotation(pairing, frequencies, magnitude)));
            if (tokens > 0) {
                return MatMulCases.steps(s, tokens, 2, out.slot());
            }
            // No cache, so the positions need no pages behind them.
            Limits limits = new Limits(4, 4, 1, 256, 400, 400);
            s.outputs(limits, out.slot());
            return s.round(new Batch(limits, data).at(List.of(0, 1, 4095, 100000)));
        });
    }
}
