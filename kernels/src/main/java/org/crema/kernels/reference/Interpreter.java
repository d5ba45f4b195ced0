package org.crema.kernels.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Op;
import org.crema.kernels.Rotation;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.View;
import org.crema.kernels.Weight;

/**
 * One method for each op. Sums and functions are in double; a value becomes a float when it is stored in a slot. Weights are decoded
 * row by row, each row once per op, so that long prompts stay bearable.
 */
final class Interpreter {
    private final Memory memory;
    private final Step step;

    Interpreter(Memory memory) {
        this.memory = memory;
        this.step = memory.step();
    }

    void run(Op op) {
        switch (op) {
            case Op.Embed embed -> embed(embed);
            case Op.RmsNorm norm -> rmsNorm(norm);
            case Op.MatMul matMul -> matMul(matMul);
            case Op.HeadMatMul matMul -> headMatMul(matMul);
            case Op.Rope rope -> rope(rope);
            case Op.CacheWrite write -> cacheWrite(write);
            case Op.Attention attention -> attention(attention);
            case Op.LatentAttention attention -> latentAttention(attention);
            case Op.GateExperts gate -> gateExperts(gate);
            case Op.ExpertMatMul matMul -> expertMatMul(matMul);
            case Op.SwiGlu swiGlu -> swiGlu(swiGlu);
            case Op.ExpertSum sum -> expertSum(sum);
            case Op.Add add -> add(add);
            case Op.SelectRows select -> selectRows(select);
        }
    }

    private void embed(Op.Embed op) {
        float[] out = cells(op.out());
        float[] row = new float[op.table().columns()];
        for (int t = 0; t < step.tokens(); t++) {
            if (step.token(t) >= op.table().rows()) {
                throw new DeviceException("token " + step.token(t) + " is not in " + op.table());
            }
            decode(op.table(), 0, step.token(t), row);
            System.arraycopy(row, 0, out, at(op.out(), t, 0), row.length);
        }
    }

    private void rmsNorm(Op.RmsNorm op) {
        float[] in = cells(op.in());
        float[] out = cells(op.out());
        float[] weight = vector(op.weight());
        int n = op.in().columns();
        for (int row = 0; row < rows(op.in()); row++) {
            for (int g = 0; g < op.in().groups(); g++) {
                int from = at(op.in(), row, g);
                int to = at(op.out(), row, g);
                double factor = 1 / Math.sqrt(dot(in, from, in, from, n) / n + op.eps());
                for (int i = 0; i < n; i++) {
                    out[to + i] = (float) (in[from + i] * factor * weight[i]);
                }
            }
        }
    }

    private void matMul(Op.MatMul op) {
        float[] in = cells(op.in());
        float[] out = cells(op.out());
        float[] bias = vector(op.bias(), op.weight().rows());
        float[] row = new float[op.weight().columns()];
        for (int r = 0; r < op.weight().rows(); r++) {
            decode(op.weight(), 0, r, row);
            for (int t = 0; t < rows(op.in()); t++) {
                double sum = dot(in, at(op.in(), t, 0), row, 0, row.length);
                out[at(op.out(), t, 0) + r] = (float) (sum + bias[r]);
            }
        }
    }

    private void headMatMul(Op.HeadMatMul op) {
        float[] in = cells(op.in());
        float[] out = cells(op.out());
        float[] row = new float[op.weight().columns()];
        for (int h = 0; h < op.weight().count(); h++) {
            double[][] sums = new double[rows(op.in())][op.out().columns()];
            for (int r = 0; r < op.weight().rows(); r++) {
                decode(op.weight(), h, r, row);
                for (int t = 0; t < sums.length; t++) {
                    int from = at(op.in(), t, h);
                    if (op.transposed()) {
                        for (int c = 0; c < row.length; c++) {
                            sums[t][c] += (double) in[from + r] * row[c];
                        }
                    } else {
                        sums[t][r] = dot(in, from, row, 0, row.length);
                    }
                }
            }
            for (int t = 0; t < sums.length; t++) {
                store(sums[t], out, at(op.out(), t, h));
            }
        }
    }

    private void rope(Op.Rope op) {
        float[] in = cells(op.in());
        float[] out = cells(op.out());
        Rotation rotation = op.rotation();
        int pairs = rotation.frequencies().size();
        boolean adjacent = switch (rotation.pairing()) {
            case ADJACENT -> true;
            case HALVES -> false;
        };
        for (int t = 0; t < step.tokens(); t++) {
            for (int g = 0; g < op.in().groups(); g++) {
                int from = at(op.in(), t, g);
                int to = at(op.out(), t, g);
                for (int i = 0; i < pairs; i++) {
                    int first = adjacent ? 2 * i : i;
                    int second = adjacent ? 2 * i + 1 : i + pairs;
                    double angle = step.position(t) * rotation.frequencies().get(i);
                    double cos = Math.cos(angle) * rotation.magnitude();
                    double sin = Math.sin(angle) * rotation.magnitude();
                    double x = in[from + first];
                    double y = in[from + second];
                    out[to + first] = (float) (x * cos - y * sin);
                    out[to + second] = (float) (x * sin + y * cos);
                }
            }
        }
    }

    private void cacheWrite(Op.CacheWrite op) {
        float[] row = new float[op.target().columns()];
        for (int t = 0; t < step.tokens(); t++) {
            int filled = 0;
            for (View in : op.in()) {
                for (int g = 0; g < in.groups(); g++) {
                    System.arraycopy(cells(in), at(in, t, g), row, filled, in.columns());
                    filled += in.columns();
                }
            }
            memory.cacheRow(op.target(), step.sequence(t), step.position(t), row);
        }
    }

    private void attention(Op.Attention op) {
        float[] q = cells(op.q());
        float[] out = cells(op.out());
        int heads = op.q().groups();
        int keyColumns = op.q().columns();
        int valueColumns = op.out().columns();
        for (int t = 0; t < step.tokens(); t++) {
            List<float[]> rows = history(op.source(), t, op.window());
            for (int h = 0; h < heads; h++) {
                int keyHead = h / (heads / op.keyHeads());
                double[] p = new double[rows.size()];
                for (int j = 0; j < p.length; j++) {
                    p[j] = op.scale() * dot(q, at(op.q(), t, h), rows.get(j), keyHead * keyColumns, keyColumns);
                    if (op.softCap() > 0) {
                        p[j] = op.softCap() * Math.tanh(p[j] / op.softCap());
                    }
                }
                softmax(p);
                int values = op.keyHeads() * keyColumns + keyHead * valueColumns;
                store(mean(p, rows, values, valueColumns), out, at(op.out(), t, h));
            }
        }
    }

    private void latentAttention(Op.LatentAttention op) {
        float[] q = cells(op.q());
        float[] qRope = cells(op.qRope());
        float[] out = cells(op.out());
        int latent = op.latent();
        for (int t = 0; t < step.tokens(); t++) {
            List<float[]> rows = history(op.source(), t, 0);
            for (int h = 0; h < op.q().groups(); h++) {
                double[] p = new double[rows.size()];
                for (int j = 0; j < p.length; j++) {
                    p[j] = op.scale() * (dot(q, at(op.q(), t, h), rows.get(j), 0, latent)
                            + dot(qRope, at(op.qRope(), t, h), rows.get(j), latent, op.qRope().columns()));
                }
                softmax(p);
                store(mean(p, rows, 0, latent), out, at(op.out(), t, h));
            }
        }
    }

    private void gateExperts(Op.GateExperts op) {
        float[] in = cells(op.in());
        int experts = op.routing().experts();
        double[][] logits = new double[rows(op.in())][experts];
        float[] row = new float[op.router().columns()];
        for (int e = 0; e < experts; e++) {
            decode(op.router(), 0, e, row);
            for (int t = 0; t < logits.length; t++) {
                logits[t][e] = dot(in, at(op.in(), t, 0), row, 0, row.length);
            }
        }
        float[] bias = vector(op.bias(), experts);
        int[] ids = memory.ints(op.ids().slot());
        float[] weights = cells(op.weights());
        for (int t = 0; t < logits.length; t++) {
            Choice choice = Choice.of(logits[t], bias, op.routing());
            choice.store(ids, at(op.ids(), t, 0), weights, at(op.weights(), t, 0));
        }
    }

    private void expertMatMul(Op.ExpertMatMul op) {
        float[] in = cells(op.in());
        float[] out = cells(op.out());
        int[] ids = memory.ints(op.ids().slot());
        int used = op.ids().width();
        boolean perToken = op.in().rows().equals(Rows.TOKENS);
        List<List<Integer>> pairsOf = new ArrayList<>();
        for (int e = 0; e < op.weight().count(); e++) {
            pairsOf.add(new ArrayList<>());
        }
        for (int t = 0; t < step.tokens(); t++) {
            for (int j = 0; j < used; j++) {
                int expert = ids[at(op.ids(), t, 0) + j];
                if (expert < 0 || expert >= op.weight().count()) {
                    throw new DeviceException("expert " + expert + " of token " + t + " is not in " + op.weight());
                }
                pairsOf.get(expert).add(t * used + j);
            }
        }
        float[] row = new float[op.weight().columns()];
        for (int e = 0; e < op.weight().count(); e++) {
            for (int r = 0; r < op.weight().rows() && !pairsOf.get(e).isEmpty(); r++) {
                decode(op.weight(), e, r, row);
                for (int pair : pairsOf.get(e)) {
                    int from = at(op.in(), perToken ? pair / used : pair, 0);
                    out[at(op.out(), pair, 0) + r] = (float) dot(in, from, row, 0, row.length);
                }
            }
        }
    }

    private void swiGlu(Op.SwiGlu op) {
        float[] gate = cells(op.gate());
        float[] up = cells(op.up());
        float[] out = cells(op.out());
        for (int row = 0; row < rows(op.out()); row++) {
            for (int g = 0; g < op.out().groups(); g++) {
                for (int i = 0; i < op.out().columns(); i++) {
                    double x = gate[at(op.gate(), row, g) + i];
                    double sigmoid = 1 / (1 + Math.exp(-x));
                    out[at(op.out(), row, g) + i] = (float) (x * sigmoid * up[at(op.up(), row, g) + i]);
                }
            }
        }
    }

    private void expertSum(Op.ExpertSum op) {
        float[] in = cells(op.in());
        float[] weights = cells(op.weights());
        float[] out = cells(op.out());
        int used = op.weights().width();
        for (int t = 0; t < step.tokens(); t++) {
            double[] sums = new double[op.out().width()];
            for (int j = 0; j < used; j++) {
                int from = at(op.in(), t * used + j, 0);
                double weight = weights[at(op.weights(), t, 0) + j];
                for (int c = 0; c < sums.length; c++) {
                    sums[c] += weight * in[from + c];
                }
            }
            store(sums, out, at(op.out(), t, 0));
        }
    }

    private void add(Op.Add op) {
        float[] a = cells(op.a());
        float[] b = cells(op.b());
        float[] out = cells(op.out());
        for (int row = 0; row < rows(op.out()); row++) {
            for (int g = 0; g < op.out().groups(); g++) {
                for (int i = 0; i < op.out().columns(); i++) {
                    out[at(op.out(), row, g) + i] = a[at(op.a(), row, g) + i] + b[at(op.b(), row, g) + i];
                }
            }
        }
    }

    private void selectRows(Op.SelectRows op) {
        for (int i = 0; i < step.outputs(); i++) {
            int from = at(op.in(), step.output(i), 0);
            System.arraycopy(cells(op.in()), from, cells(op.out()), at(op.out(), i, 0), op.in().width());
        }
    }

    /** The cache rows that token t of the step may look at: those up to its own position, as far back as the window. */
    private List<float[]> history(Cache cache, int t, int window) {
        int position = step.position(t);
        List<float[]> rows = new ArrayList<>();
        for (int j = window == 0 ? 0 : Math.max(0, position - window + 1); j <= position; j++) {
            rows.add(memory.cached(cache, step.sequence(t), j));
        }
        return rows;
    }

    /** The mean of {@code n} columns from {@code at}, weighted by p. */
    private static double[] mean(double[] p, List<float[]> rows, int at, int n) {
        double[] sums = new double[n];
        for (int j = 0; j < p.length; j++) {
            float[] row = rows.get(j);
            for (int c = 0; c < n; c++) {
                sums[c] += p[j] * row[at + c];
            }
        }
        return sums;
    }

    /** In place. A NaN anywhere makes all NaN. */
    static void softmax(double[] x) {
        double most = Double.NEGATIVE_INFINITY;
        for (double value : x) {
            most = Math.max(most, value);
        }
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            x[i] = Math.exp(x[i] - most);
            sum += x[i];
        }
        for (int i = 0; i < x.length; i++) {
            x[i] /= sum;
        }
    }

    /** Four sums side by side, since each has to wait for the one before it; in double their order does not matter. */
    private static double dot(float[] a, int aAt, float[] b, int bAt, int n) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 4 <= n; i += 4) {
            s0 += (double) a[aAt + i] * b[bAt + i];
            s1 += (double) a[aAt + i + 1] * b[bAt + i + 1];
            s2 += (double) a[aAt + i + 2] * b[bAt + i + 2];
            s3 += (double) a[aAt + i + 3] * b[bAt + i + 3];
        }
        for (; i < n; i++) {
            s0 += (double) a[aAt + i] * b[bAt + i];
        }
        return s0 + s1 + s2 + s3;
    }

    private static void store(double[] values, float[] out, int at) {
        for (int i = 0; i < values.length; i++) {
            out[at + i] = (float) values[i];
        }
    }

    private float[] cells(View view) {
        return memory.floats(view.slot());
    }

    private int rows(View view) {
        return view.rows().count(step);
    }

    /** Index of the first column of a group of a row. */
    private static int at(View view, int row, int group) {
        Slot slot = view.slot();
        return row * slot.columns() + view.at(group, 0);
    }

    private static float[] vector(Weight weight) {
        float[] values = new float[weight.columns()];
        decode(weight, 0, 0, values);
        return values;
    }

    /** Zeros if there is none. */
    private static float[] vector(Optional<Weight> weight, int n) {
        return weight.map(Interpreter::vector).orElseGet(() -> new float[n]);
    }

    private static void decode(Weight weight, int matrix, int row, float[] out) {
        weight.type().codec().decode(weight.data(), weight.offset(matrix, row), out, 0, weight.columns());
    }
}
