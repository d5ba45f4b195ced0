package org.crema.kernels;

/**
 * What no kernel can avoid: bytes that have to be read or written once, operations that have to be done, a multiply-add counted as two.
 *
 * @param tensorBytes of tensors; of experts only the expected number of different ones, if the choice is even
 * @param cacheBytes of the attention cache
 * @param slotBytes of activations, read and written; a device that fuses ops can keep them in registers
 * @param operations of products and attention; the rest is small beside them
 * @param products of these, those of products with quantised weights, which {@link Precision#FAST} may compute in fewer bits
 */
public record Work(double tensorBytes, double cacheBytes, double slotBytes, double operations, double products) {
    public static final Work NONE = new Work(0, 0, 0, 0, 0);

    /**
     * The step that work is counted for.
     *
     * @param tokens rows of the step, of all streams
     * @param outputs rows whose logits are wanted
     * @param streams sequences that the tokens belong to, evenly
     * @param depth tokens of each stream that are in the cache before the step
     * @param cacheType how the cache is kept
     */
    public record Shape(int tokens, int outputs, int streams, double depth, Cache.Type cacheType) {
        /** Cache rows that the step has to read, with its own. */
        private double cacheRows() {
            return streams * depth + tokens;
        }

        /** Pairs of a token and a position that it sees, its own included. */
        private double pairs() {
            double each = (double) tokens / streams;
            return tokens * (depth + (each + 1) / 2);
        }

        private double rows(Rows rows) {
            return (double) rows.each() * (rows.domain() == Rows.Domain.TOKENS ? tokens : outputs);
        }

        private double rows(View view) {
            return rows(view.rows());
        }
    }

    /** Of all ops of a program. */
    public static Work of(Program program, Shape shape) {
        Work sum = NONE;
        for (Op op : program.ops()) {
            sum = sum.plus(of(op, shape));
        }
        return sum;
    }

    /** Of one op. */
    public static Work of(Op op, Shape shape) {
        double slots = 0;
        for (View view : op.reads()) {
            slots += 4.0 * shape.rows(view) * view.width();
        }
        for (View view : op.writes()) {
            slots += 4.0 * shape.rows(view) * view.width();
        }
        return switch (op) {
            case Op.Embed e -> new Work(shape.rows(e.out()) * e.table().rowBytes(), 0, slots, 0, 0);
            case Op.MatMul m -> product(m.weight(), shape.rows(m.out()), slots);
            case Op.HeadMatMul m -> product(m.weight(), shape.rows(m.out()), slots);
            case Op.GateExperts g -> router(g.router(), shape.rows(g.in()), slots);
            case Op.ExpertMatMul m -> {
                double pairs = shape.rows(m.out());
                Weight w = m.weight();
                double chosen = (double) m.ids().width() / w.count();
                double touched = w.count() * (1 - Math.pow(1 - chosen, shape.rows(m.ids())));
                double operations = 2.0 * pairs * w.rows() * w.columns();
                yield new Work(touched * w.rows() * w.rowBytes(), 0, slots, operations, rounded(w, operations));
            }
            case Op.CacheWrite c -> new Work(0, shape.tokens() * row(c.target(), shape), slots, 0, 0);
            case Op.Attention a -> attention(a.source(), shape, a.window(), slots,
                    2.0 * a.q().groups() * (a.q().columns() + a.out().columns()));
            case Op.LatentAttention a -> attention(a.source(), shape, 0, slots,
                    2.0 * a.q().groups() * (a.source().columns() + a.latent()));
            case Op.RmsNorm n -> new Work(n.weight().bytes(), 0, slots, 0, 0);
            case Op.Rope r -> new Work(0, 0, slots, 0, 0);
            case Op.SwiGlu s -> new Work(0, 0, slots, 0, 0);
            case Op.ExpertSum s -> new Work(0, 0, slots, 0, 0);
            case Op.Add a -> new Work(0, 0, slots, 0, 0);
            case Op.SelectRows s -> new Work(0, 0, slots, 0, 0);
        };
    }

    private static Work product(Weight weight, double rows, double slots) {
        double cells = (double) weight.count() * weight.rows() * weight.columns();
        double operations = 2 * rows * cells;
        return rows == 0 ? NONE : new Work(weight.bytes(), 0, slots, operations, rounded(weight, operations));
    }

    /** Those of the operations that may be computed in fewer bits. */
    private static double rounded(Weight weight, double operations) {
        return weight.type().blockSize() > 1 ? operations : 0;
    }

    /** Stays F32, so that the same experts are chosen. */
    private static Work router(Weight weight, double rows, double slots) {
        Work work = product(weight, rows, slots);
        return new Work(work.tensorBytes, work.cacheBytes, work.slotBytes, work.operations, 0);
    }

    private static Work attention(Cache source, Shape shape, int window, double slots, double perPair) {
        double rows = shape.cacheRows();
        double pairs = shape.pairs();
        if (window > 0) {
            rows = Math.min(rows, shape.streams() * (window + (double) shape.tokens() / shape.streams()));
            pairs = Math.min(pairs, (double) shape.tokens() * window);
        }
        return new Work(0, rows * row(source, shape), slots, pairs * perPair, 0);
    }

    private static double row(Cache cache, Shape shape) {
        return shape.cacheType().rowBytes(cache.columns());
    }

    public Work plus(Work other) {
        return new Work(tensorBytes + other.tensorBytes, cacheBytes + other.cacheBytes, slotBytes + other.slotBytes, operations
                + other.operations, products + other.products);
    }

    /** Bytes that memory has to deliver even if all ops were one. */
    public double fusedBytes() {
        return tensorBytes + cacheBytes;
    }

    /** Bytes of an op that stands alone. */
    public double bytes() {
        return tensorBytes + cacheBytes + slotBytes;
    }

    /** The least time, in seconds, of a program whose activations never leave the chip. */
    public double fusedSeconds(Rates rates, Precision precision) {
        return rates.seconds(fusedBytes(), operations, products, precision);
    }

    /** The least time, in seconds, of an op that stands alone. */
    public double seconds(Rates rates, Precision precision) {
        return rates.seconds(bytes(), operations, products, precision);
    }
}
