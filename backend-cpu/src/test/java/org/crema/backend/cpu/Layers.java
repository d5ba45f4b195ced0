package org.crema.backend.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.crema.kernels.Cache;
import org.crema.kernels.Element;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Routing;
import org.crema.kernels.Rows;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/** Small models with random weights. */
final class Layers {
    static final int WIDTH = 256;
    static final int VOCABULARY = 50;
    private static final int HEADS = 4;
    private static final int NOPE = 64;
    private static final int ROPE = 32;
    private static final int LATENT = 256;
    private static final int VALUE = 64;
    private static final int EXPERTS = 8;
    private static final int USED = 2;
    private static final int HIDDEN = 256;

    private Layers() {}

    /** Embedding, two layers of latent attention and routed and shared experts, output. */
    static Program deepseek2(Random random, Arena arena, QuantType quant) {
        Program.Builder p = new Program.Builder("layers");
        Slot x = p.slot("x", Rows.TOKENS, WIDTH);
        p.add(new Op.Embed(x.all(), weight(random, arena, "embedding", quant, 1, VOCABULARY, WIDTH)));
        for (int layer = 0; layer < 2; layer++) {
            x = attention(p, random, arena, quant, layer, x);
            x = experts(p, random, arena, quant, x);
        }
        Slot picked = p.slot("picked", Rows.OUTPUTS, WIDTH);
        Slot logits = p.slot("logits", Rows.OUTPUTS, VOCABULARY);
        p.add(new Op.SelectRows(picked.all(), x.all()));
        p.add(new Op.RmsNorm(picked.all(), picked.all(), norm(random, arena, WIDTH), 1e-6f));
        p.add(new Op.MatMul(logits.all(), picked.all(), weight(random, arena, "output", quant, 1, VOCABULARY, WIDTH),
                Optional.of(norm(random, arena, VOCABULARY))));
        return p.build(logits);
    }

    private static Slot attention(Program.Builder p, Random random, Arena arena, QuantType quant, int layer, Slot x) {
        Rotation rotation = new Rotation(Rotation.Pairing.ADJACENT,
                IntStream.range(0, ROPE / 2).mapToObj(i -> Math.pow(10000, -2.0 * i / ROPE)).toList(), 1);
        Cache cache = new Cache(layer, LATENT + ROPE);
        Slot n = p.slot("n", Rows.TOKENS, WIDTH);
        Slot q = p.slot("q", Rows.TOKENS, HEADS * (NOPE + ROPE));
        Slot kv = p.slot("kv", Rows.TOKENS, LATENT + ROPE);
        Slot absorbed = p.slot("absorbed", Rows.TOKENS, HEADS * LATENT);
        Slot context = p.slot("context", Rows.TOKENS, HEADS * LATENT);
        Slot o = p.slot("o", Rows.TOKENS, HEADS * VALUE);
        Slot y = p.slot("y", Rows.TOKENS, WIDTH);
        Slot sum = p.slot("sum", Rows.TOKENS, WIDTH);
        p.add(new Op.RmsNorm(n.all(), x.all(), norm(random, arena, WIDTH), 1e-6f));
        p.add(new Op.MatMul(q.all(), n.all(), weight(random, arena, "q", quant, 1, q.columns(), WIDTH)));
        View turned = q.groups(HEADS, NOPE, ROPE);
        p.add(new Op.Rope(turned, turned, rotation));
        p.add(new Op.MatMul(kv.all(), n.all(), weight(random, arena, "kv", quant, 1, kv.columns(), WIDTH)));
        p.add(new Op.RmsNorm(kv.columns(0, LATENT), kv.columns(0, LATENT), norm(random, arena, LATENT), 1e-6f));
        p.add(new Op.Rope(kv.columns(LATENT, ROPE), kv.columns(LATENT, ROPE), rotation));
        p.add(new Op.CacheWrite(cache, List.of(kv.all())));
        Weight kvB = weight(random, arena, "kv_b", quant, 1, HEADS * (NOPE + VALUE), LATENT);
        p.add(new Op.HeadMatMul(absorbed.groups(HEADS), q.groups(HEADS, 0, NOPE), kvB.rowsOfGroups("k_b", HEADS, 0, NOPE), true));
        p.add(new Op.LatentAttention(context.groups(HEADS), absorbed.groups(HEADS), turned, cache, 0.1f));
        p.add(new Op.HeadMatMul(o.groups(HEADS), context.groups(HEADS), kvB.rowsOfGroups("v_b", HEADS, NOPE, VALUE), false));
        p.add(new Op.MatMul(y.all(), o.all(), weight(random, arena, "o", quant, 1, WIDTH, HEADS * VALUE)));
        p.add(new Op.Add(sum.all(), x.all(), y.all()));
        return sum;
    }

    private static Slot experts(Program.Builder p, Random random, Arena arena, QuantType quant, Slot x) {
        Slot n = p.slot("n", Rows.TOKENS, WIDTH);
        Slot ids = p.slot("ids", Rows.TOKENS, USED, Element.I32);
        Slot weights = p.slot("weights", Rows.TOKENS, USED);
        Slot gate = p.slot("gate", Rows.pairs(USED), HIDDEN);
        Slot up = p.slot("up", Rows.pairs(USED), HIDDEN);
        Slot hidden = p.slot("hidden", Rows.pairs(USED), HIDDEN);
        Slot down = p.slot("down", Rows.pairs(USED), WIDTH);
        Slot routed = p.slot("routed", Rows.TOKENS, WIDTH);
        Slot sharedGate = p.slot("shared gate", Rows.TOKENS, HIDDEN);
        Slot sharedUp = p.slot("shared up", Rows.TOKENS, HIDDEN);
        Slot shared = p.slot("shared", Rows.TOKENS, WIDTH);
        Slot sum = p.slot("sum", Rows.TOKENS, WIDTH);
        Slot out = p.slot("out", Rows.TOKENS, WIDTH);
        p.add(new Op.RmsNorm(n.all(), x.all(), norm(random, arena, WIDTH), 1e-6f));
        p.add(new Op.GateExperts(ids.all(), weights.all(), n.all(),
                weight(random, arena, "router", QuantType.F32, 1, EXPERTS, WIDTH),
                Optional.empty(), Routing.plain(Routing.Scoring.SOFTMAX, EXPERTS, USED, false, 2)));
        p.add(new Op.ExpertMatMul(gate.all(), n.all(), ids.all(), weight(random, arena, "gate", quant, EXPERTS, HIDDEN, WIDTH)));
        p.add(new Op.ExpertMatMul(up.all(), n.all(), ids.all(), weight(random, arena, "up", quant, EXPERTS, HIDDEN, WIDTH)));
        p.add(new Op.SwiGlu(hidden.all(), gate.all(), up.all()));
        p.add(new Op.ExpertMatMul(down.all(), hidden.all(), ids.all(),
                weight(random, arena, "down", quant, EXPERTS, WIDTH, HIDDEN)));
        p.add(new Op.ExpertSum(routed.all(), down.all(), weights.all()));
        p.add(new Op.MatMul(sharedGate.all(), n.all(), weight(random, arena, "gate_shexp", quant, 1, HIDDEN, WIDTH)));
        p.add(new Op.MatMul(sharedUp.all(), n.all(), weight(random, arena, "up_shexp", quant, 1, HIDDEN, WIDTH)));
        p.add(new Op.SwiGlu(sharedGate.all(), sharedGate.all(), sharedUp.all()));
        p.add(new Op.MatMul(shared.all(), sharedGate.all(), weight(random, arena, "down_shexp", quant, 1, WIDTH, HIDDEN)));
        p.add(new Op.Add(sum.all(), x.all(), routed.all()));
        p.add(new Op.Add(out.all(), sum.all(), shared.all()));
        return out;
    }

    /** A step in which each sequence grows; {@code length} keeps how long they are. Every token's logits are wanted. */
    static Step step(Arena arena, Limits limits, int[] counts, int[] length) {
        Step step = new Step(limits, arena);
        for (int s = 0; s < counts.length; s++) {
            if (counts[s] > 0) {
                int first = s * limits.sequencePages();
                int index = step.addSequence(IntStream.range(first, first + limits.sequencePages()).toArray(),
                        limits.sequencePages());
                for (int i = 0; i < counts[s]; i++, length[s]++) {
                    step.addToken(index, (7 * length[s] + 3 * s) % VOCABULARY, length[s], true);
                }
            }
        }
        return step;
    }

    static Weight norm(Random random, Arena arena, int columns) {
        return weight(random, arena, "norm", QuantType.F32, 1, 1, columns);
    }

    /** Of about the size that keeps activations near one. */
    static Weight weight(Random random, Arena arena, String name, QuantType type, int count, int rows, int columns) {
        long blocks = (long) count * rows * columns / type.blockSize();
        MemorySegment data = arena.allocate(blocks * type.blockBytes(), 32);
        for (long at = 0; at < data.byteSize(); at++) {
            data.set(JAVA_BYTE, at, (byte) random.nextInt());
        }
        float scale = (float) (1.7 / Math.sqrt(rows == 1 ? 1 : columns));
        for (long b = 0; b < blocks; b++) {
            long at = b * type.blockBytes();
            switch (type) {
                case F32 -> data.set(JAVA_FLOAT_UNALIGNED, at, scale * (random.nextFloat() - 0.5f) * 2);
                case F16 -> data.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(scale * (random.nextFloat() - 0.5f) * 2));
                case Q8_0 -> data.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(scale / 128));
                case Q4_K -> {
                    data.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(scale / 250));
                    data.set(JAVA_SHORT_UNALIGNED, at + 2, Float.floatToFloat16(scale / 30));
                }
                default -> throw new IllegalArgumentException("no random weights of " + type);
            }
        }
        return new Weight(name, type, count, rows, columns, data);
    }

    /** Mean of squared differences over mean of squares. */
    static double nmse(float[] expected, float[] found) {
        double wrong = 0;
        double all = 0;
        for (int i = 0; i < expected.length; i++) {
            double d = (double) expected[i] - found[i];
            wrong += d * d;
            all += (double) expected[i] * expected[i];
        }
        return all == 0 ? wrong : wrong / all;
    }
}
