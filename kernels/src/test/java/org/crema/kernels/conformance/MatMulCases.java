package org.crema.kernels.conformance;

import static org.crema.kernels.Rows.TOKENS;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.crema.kernels.Op;
import org.crema.kernels.Slot;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/** {@link Op.MatMul} and {@link Op.HeadMatMul}: every type at shapes that are a multiple of nothing. */
final class MatMulCases {
    /** Rows of the weight, tokens of the step. */
    private static final int[][] SHAPES = {{1, 1}, {3, 1}, {17, 1}, {100, 1}, {257, 1}, {17, 2}, {100, 3}, {3, 4}, {17, 5},
        {1, 7}, {100, 8}, {257, 33}, {3, 512}};
    private static final int[] COLUMNS = {32, 96, 256, 512, 768, 1408, 1536};

    private MatMulCases() {}

    /** Widths that rows of a type can have. */
    static int[] columns(QuantType type) {
        return Arrays.stream(COLUMNS).filter(c -> c % type.blockSize() == 0).toArray();
    }

    static List<Case> all() {
        List<Case> cases = new ArrayList<>();
        for (QuantType type : QuantType.values()) {
            int[] columns = columns(type);
            for (int i = 0; i < SHAPES.length; i++) {
                // Types start at different widths, so that together they meet most pairs.
                int width = SHAPES[i][1] == 512 ? columns[0] : columns[(i + type.id()) % columns.length];
                cases.add(matMul(type, SHAPES[i][0], width, SHAPES[i][1], i % 4 == 1, i % 5 == 2));
            }
            if (10944 % type.blockSize() == 0) {
                cases.add(matMul(type, 3, 10944, 1, false, false));
                cases.add(matMul(type, 3, 10944, 5, false, false));
            } else {
                cases.add(matMul(type, 3, 2304, 1, false, false));
                cases.add(matMul(type, 70, 2304, 5, false, false));
            }
            cases.add(biased(type));
            cases.add(heads(type, 17, columns[0], 1, false));
            cases.add(heads(type, 17, columns[1], 5, true));
            cases.add(heads(type, 100, columns[0], 33, true));
            cases.add(joint(type, 2, columns[1], 7));
        }
        return cases;
    }

    /** How many steps it takes until one step's luck (a product near zero) no longer matters for the mean. */
    private static int rounds(int values) {
        return Math.max(2, Math.min(64, 64 / values));
    }

    static Case matMul(QuantType type, int rows, int columns, int tokens, boolean bias, boolean views) {
        String name = "MatMul/%s/%dx%d/b%d%s%s".formatted(type, rows, columns, tokens, bias ? "/bias" : "",
                views ? "/views" : "");
        return new Case(name, (long) rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            View in = views ? s.input("in", TOKENS, columns + 8).columns(5, columns) : s.input("in", TOKENS, columns).all();
            View out = views ? s.input("out", TOKENS, rows + 8).columns(3, rows) : s.slot("out", TOKENS, rows).all();
            Optional<Weight> b = bias ? Optional.of(data.weight("bias", QuantType.F32, 1, rows)) : Optional.empty();
            s.add(new Op.MatMul(out, in, data.weight("weight", type, rows, columns), b));
            return steps(s, tokens, rounds(rows * tokens), out.slot());
        });
    }

    /** A bias of any type. */
    private static Case biased(QuantType type) {
        int rows = 2 * Math.max(type.blockSize(), 16);
        String name = "MatMul/bias %s/%dx64/b3".formatted(type, rows);
        return new Case(name, rows * 64L * 3, data -> {
            Scenario s = new Scenario(name, data);
            Slot out = s.slot("out", TOKENS, rows);
            s.add(new Op.MatMul(out.all(), s.input("in", TOKENS, 64).all(), data.weight("weight", QuantType.F32, rows, 64),
                    Optional.of(data.weight("bias", type, 1, rows))));
            return steps(s, 3, 2, out);
        });
    }

    /** A matrix per head, between views with gaps. */
    static Case heads(QuantType type, int rows, int columns, int tokens, boolean transposed) {
        int heads = 3;
        String name = "HeadMatMul/%s/%dx%dx%d%s/b%d".formatted(type, heads, rows, columns, transposed ? "/transposed" : "",
                tokens);
        return new Case(name, (long) heads * rows * columns * tokens, data -> {
            Scenario s = new Scenario(name, data);
            int from = transposed ? rows : columns;
            int to = transposed ? columns : rows;
            View in = s.input("in", TOKENS, heads * (from + 8)).groups(heads, 2, from);
            View out = s.input("out", TOKENS, heads * (to + 4)).groups(heads, 4, to);
            s.add(new Op.HeadMatMul(out, in, data.weight("weight", type, heads, rows, columns), transposed));
            return steps(s, tokens, 2, out.slot());
        });
    }

    /** Both halves of each head of a joint key and value projection, as old files hold it. */
    private static Case joint(QuantType type, int heads, int latent, int tokens) {
        int key = 24;
        int value = 40;
        String name = "HeadMatMul/%s/joint %dx(%d+%d)x%d/b%d".formatted(type, heads, key, value, latent, tokens);
        return new Case(name, (long) heads * (key + value) * latent * tokens, data -> {
            Scenario s = new Scenario(name, data);
            Weight joint = data.weight("kv_b", type, heads * (key + value), latent);
            Slot absorbed = s.slot("absorbed", TOKENS, heads * latent);
            Slot values = s.slot("values", TOKENS, heads * value);
            s.add(new Op.HeadMatMul(absorbed.groups(heads), s.input("q", TOKENS, heads * (key + 16)).groups(heads, 0, key),
                    joint.rowsOfGroups("k_b", heads, 0, key), true));
            s.add(new Op.HeadMatMul(values.groups(heads), s.input("context", TOKENS, heads * latent).groups(heads),
                    joint.rowsOfGroups("v_b", heads, key, value), false));
            return steps(s, tokens, 2, absorbed, values);
        });
    }

    /** Steps of so many tokens, with sometimes fewer in the last one. */
    static Scenario steps(Scenario s, int tokens, int rounds, Slot... outputs) {
        s.outputs(Batch.tokens(tokens), outputs);
        for (int i = 0; i < rounds; i++) {
            boolean fewer = i == rounds - 1 && tokens > 2;
            s.round(new Batch(s.limits(), s.data()).step(fewer ? tokens - 1 - tokens / 3 : tokens));
        }
        return s;
    }
}
