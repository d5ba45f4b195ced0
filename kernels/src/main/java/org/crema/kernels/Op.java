package org.crema.kernels;

import java.util.List;
import java.util.Optional;

/**
 * One step of a model's arithmetic: what to compute, never how. Shapes are checked here, so that no backend ever sees an op that
 * does not fit together. All arithmetic is on F32 values; {@code rows} are the rows of the views.
 */
public sealed interface Op {
    /** Views that the op reads, in the order of its components. */
    List<View> reads();

    /** Views that the op writes. A view that is also read may be updated in place. */
    List<View> writes();

    /** Tensors of the model that the op reads. */
    default List<Weight> tensors() {
        return List.of();
    }

    /** The cache that the op reads or writes. */
    default Optional<Cache> cache() {
        return Optional.empty();
    }

    /** The op's name, as in the support matrix. */
    default String name() {
        return getClass().getSimpleName();
    }

    /** {@code out[t] = table[token(t)]}. */
    record Embed(View out, Weight table) implements Op {
        public Embed {
            need(out.rows().equals(Rows.TOKENS), "writes a row per token", out);
            need(table.count() == 1 && table.columns() == out.width(), "needs a table with the output's columns", out, table);
            contiguous(out);
        }

        @Override
        public List<View> reads() {
            return List.of();
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public List<Weight> tensors() {
            return List.of(table);
        }
    }

    /**
     * {@code out = in / sqrt(mean(in²) + eps) · weight}, over each group of the view by itself. Zhang and Sennrich, arXiv
     * 1910.07467. Output and input may be the same view.
     */
    record RmsNorm(View out, View in, Weight weight, float eps) implements Op {
        public RmsNorm {
            sameShape(out, in);
            need(weight.count() == 1 && weight.rows() == 1 && weight.columns() == in.columns(),
                    "needs a weight of one group's columns",
                    in, weight);
        }

        @Override
        public List<View> reads() {
            return List.of(in);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public List<Weight> tensors() {
            return List.of(weight);
        }
    }

    /** {@code out = in · weightᵀ + bias}. */
    record MatMul(View out, View in, Weight weight, Optional<Weight> bias) implements Op {
        public MatMul {
            sameRows(out, in);
            contiguous(out);
            contiguous(in);
            need(weight.count() == 1 && weight.columns() == in.width() && weight.rows() == out.width(),
                    "needs a weight of output width × input width", out, in, weight);
            if (bias.isPresent()) {
                Weight b = bias.get();
                need(b.count() == 1 && b.rows() == 1 && b.columns() == out.width(), "needs a bias of the output's width", out, b);
            }
            apart(out, in);
        }

        public MatMul(View out, View in, Weight weight) {
            this(out, in, weight, Optional.empty());
        }

        @Override
        public List<View> reads() {
            return List.of(in);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public List<Weight> tensors() {
            return bias.isPresent() ? List.of(weight, bias.get()) : List.of(weight);
        }
    }

    /**
     * A small matrix for each head: {@code out[h] = in[h] · weight[h]ᵀ}, or {@code in[h] · weight[h]} if transposed (the absorbed
     * key projection of latent attention, straight from a file that holds it the other way round). DeepSeek-V2, arXiv 2405.04434
     * section 2.1.
     */
    record HeadMatMul(View out, View in, Weight weight, boolean transposed) implements Op {
        public HeadMatMul {
            sameRows(out, in);
            int from = transposed ? weight.rows() : weight.columns();
            int to = transposed ? weight.columns() : weight.rows();
            need(out.groups() == weight.count() && in.groups() == weight.count(), "needs one matrix per group", out, in, weight);
            need(in.columns() == from && out.columns() == to, "needs matrices that map a group to a group", out, in, weight);
            apart(out, in);
        }

        @Override
        public List<View> reads() {
            return List.of(in);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public List<Weight> tensors() {
            return List.of(weight);
        }
    }

    /** Turns every group of the view by its row's position. Output and input may be the same view. */
    record Rope(View out, View in, Rotation rotation) implements Op {
        public Rope {
            sameShape(out, in);
            need(in.rows().equals(Rows.TOKENS), "needs a row per token", in);
            need(in.columns() == rotation.dims(), "turns " + rotation.dims() + " columns of each group", in);
        }

        @Override
        public List<View> reads() {
            return List.of(in);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }
    }

    /** Writes this step's rows, the inputs side by side, into the cache at their positions. */
    record CacheWrite(Cache target, List<View> in) implements Op {
        public CacheWrite {
            in = List.copyOf(in);
            int width = 0;
            for (View view : in) {
                need(view.rows().equals(Rows.TOKENS), "needs a row per token", view);
                width += view.width();
            }
            need(width == target.columns(), "needs inputs of " + target.columns() + " columns together, not " + width,
                    in.toArray());
        }

        @Override
        public List<View> reads() {
            return in;
        }

        @Override
        public List<View> writes() {
            return List.of();
        }

        @Override
        public Optional<Cache> cache() {
            return Optional.of(target);
        }
    }

    /**
     * Grouped-query attention, causal: {@code out[h] = softmax(mask(scale · q[h] · Kᵀ)) · V} over the positions up to the row's own.
     * A cache row holds the keys of all key heads, then their values. Query head h uses key head {@code h · keyHeads / heads}.
     * Arithmetic and sums are F32.
     *
     * @param out heads × valueColumns
     * @param q heads × keyColumns
     * @param window keys of at most this many positions, the row's own included; 0 for all
     * @param softCap scores become {@code softCap · tanh(score / softCap)}; 0 for none
     */
    record Attention(View out, View q, Cache source, int keyHeads, float scale, int window, float softCap) implements Op {
        public Attention {
            sameRows(out, q);
            need(q.rows().equals(Rows.TOKENS), "needs a row per token", q);
            need(out.groups() == q.groups(), "needs as many output heads as query heads", out, q);
            need(keyHeads > 0 && q.groups() % keyHeads == 0, "needs key heads that divide the query heads, not " + keyHeads, q);
            need(source.columns() == keyHeads * (q.columns() + out.columns()), "needs a cache of keys and values", q, out,
                    source);
            need(window >= 0 && softCap >= 0, "needs a window and a soft cap of at least 0", out);
            apart(out, q);
        }

        @Override
        public List<View> reads() {
            return List.of(q);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public Optional<Cache> cache() {
            return Optional.of(source);
        }
    }

    /**
     * Attention in the latent space, causal: keys are whole cache rows (latent, then rotary part), values are their first
     * {@code latent} columns, one key head for all. {@code score = scale · (qLatent · latent + qRope · rope)}. DeepSeek-V2, arXiv
     * 2405.04434 section 2.1, absorbed form. Arithmetic and sums are F32.
     *
     * @param out heads × latent
     * @param q heads × latent, already through the absorbed key projection
     * @param qRope heads × rope columns, already turned
     */
    record LatentAttention(View out, View q, View qRope, Cache source, float scale) implements Op {
        public LatentAttention {
            sameShape(out, q);
            sameRows(q, qRope);
            need(q.rows().equals(Rows.TOKENS), "needs a row per token", q);
            need(q.groups() == qRope.groups(), "needs as many heads in both parts of the query", q, qRope);
            need(source.columns() == q.columns() + qRope.columns(), "needs a cache of latent and rotary columns", q, qRope,
                    source);
            apart(out, q);
        }

        /** Columns of the latent part of a cache row. */
        public int latent() {
            return q.columns();
        }

        @Override
        public List<View> reads() {
            return List.of(q, qRope);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public Optional<Cache> cache() {
            return Optional.of(source);
        }
    }

    /**
     * Chooses experts: router logits {@code in · routerᵀ}, then {@link Routing}. Experts come best first, of equal ones the lower
     * number first. A NaN probability counts as the least, so the ids are always distinct experts.
     *
     * @param ids TOKENS × used, I32
     * @param weights TOKENS × used
     * @param bias one number per expert, added for the selection only
     */
    record GateExperts(View ids, View weights, View in, Weight router, Optional<Weight> bias, Routing routing) implements Op {
        public GateExperts {
            sameRows(ids, in);
            sameRows(weights, in);
            contiguous(ids);
            contiguous(weights);
            contiguous(in);
            need(ids.element() == Element.I32 && weights.element() == Element.F32, "writes I32 ids and F32 weights", ids,
                    weights);
            need(ids.width() == routing.used() && weights.width() == routing.used(), "writes " + routing.used() + " columns", ids,
                    weights);
            need(router.count() == 1 && router.rows() == routing.experts() && router.columns() == in.width(),
                    "needs a router of experts × input width", in, router);
            if (bias.isPresent()) {
                Weight b = bias.get();
                need(b.count() == 1 && b.rows() == 1 && b.columns() == routing.experts(), "needs a bias per expert", b);
            }
        }

        @Override
        public List<View> reads() {
            return List.of(in);
        }

        @Override
        public List<View> writes() {
            return List.of(ids, weights);
        }

        @Override
        public List<Weight> tensors() {
            return bias.isPresent() ? List.of(router, bias.get()) : List.of(router);
        }
    }

    /**
     * The chosen experts' matrix products: row {@code t · used + j} of the output is
     * {@code in[t or t · used + j] · weight[ids[t][j]]ᵀ}.
     *
     * @param out a row per pair of token and expert
     * @param in a row per token (gate, up) or per pair (down)
     * @param ids TOKENS × used, I32, as {@link GateExperts} writes them: each in range. A device may rely on it
     */
    record ExpertMatMul(View out, View in, View ids, Weight weight) implements Op {
        public ExpertMatMul {
            contiguous(out);
            contiguous(in);
            contiguous(ids);
            need(ids.element() == Element.I32 && ids.rows().equals(Rows.TOKENS), "needs I32 ids, a row per token", ids);
            need(out.rows().equals(Rows.pairs(ids.width())), "writes a row per token and chosen expert", out, ids);
            need(in.rows().equals(Rows.TOKENS) || in.rows().equals(out.rows()), "reads a row per token or per pair", in, ids);
            need(weight.columns() == in.width() && weight.rows() == out.width(), "needs matrices of output width × input width",
                    out,
                    in, weight);
            need(ids.width() <= weight.count(), "needs at least as many experts as are used", ids, weight);
            apart(out, in);
        }

        @Override
        public List<View> reads() {
            return List.of(in, ids);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }

        @Override
        public List<Weight> tensors() {
            return List.of(weight);
        }
    }

    /** {@code out = gate · sigmoid(gate) · up}. Shazeer, arXiv 2002.05202. The output may be one of the inputs. */
    record SwiGlu(View out, View gate, View up) implements Op {
        public SwiGlu {
            sameShape(out, gate);
            sameShape(out, up);
        }

        @Override
        public List<View> reads() {
            return List.of(gate, up);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }
    }

    /** {@code out[t] = sum over j of weights[t][j] · in[t · used + j]}, j ascending. */
    record ExpertSum(View out, View in, View weights) implements Op {
        public ExpertSum {
            contiguous(out);
            contiguous(in);
            contiguous(weights);
            sameRows(out, weights);
            need(out.rows().equals(Rows.TOKENS) && in.rows().equals(Rows.pairs(weights.width())),
                    "sums a row per pair into a row per token", out, in, weights);
            need(out.width() == in.width(), "needs equal widths", out, in);
        }

        @Override
        public List<View> reads() {
            return List.of(in, weights);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }
    }

    /** {@code out = a + b}. The output may be one of the inputs. */
    record Add(View out, View a, View b) implements Op {
        public Add {
            sameShape(out, a);
            sameShape(out, b);
        }

        @Override
        public List<View> reads() {
            return List.of(a, b);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }
    }

    /** {@code out[i] = in[output(i)]}: keeps the rows whose logits are wanted. */
    record SelectRows(View out, View in) implements Op {
        public SelectRows {
            need(out.rows().equals(Rows.OUTPUTS) && in.rows().equals(Rows.TOKENS), "takes a row per output from a row per token",
                    out,
                    in);
            contiguous(out);
            contiguous(in);
            need(out.width() == in.width(), "needs equal widths", out, in);
        }

        @Override
        public List<View> reads() {
            return List.of(in);
        }

        @Override
        public List<View> writes() {
            return List.of(out);
        }
    }

    private static void need(boolean ok, String what, Object... found) {
        if (!ok) {
            throw new IllegalArgumentException("op " + what + ", found " + List.of(found));
        }
    }

    private static void sameRows(View a, View b) {
        need(a.rows().equals(b.rows()), "needs views with the same rows", a, b);
    }

    private static void sameShape(View a, View b) {
        sameRows(a, b);
        need(a.groups() == b.groups() && a.columns() == b.columns(), "needs views of one shape", a, b);
        need(a.element() == Element.F32 && b.element() == Element.F32, "needs F32 views", a, b);
        need(a.equals(b) || !a.overlaps(b), "works in place on one and the same view only", a, b);
    }

    private static void contiguous(View view) {
        need(view.contiguous(), "needs a view without gaps", view);
    }

    /** An op that gathers its whole input for each output cannot work in place. */
    private static void apart(View out, View in) {
        need(!out.slot().equals(in.slot()), "cannot write the slot it reads", out, in);
        need(out.element() == Element.F32 && in.element() == Element.F32, "needs F32 views", out, in);
    }
}
