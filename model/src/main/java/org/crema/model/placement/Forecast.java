package org.crema.model.placement;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Cache;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Op;
import org.crema.kernels.Rates;
import org.crema.kernels.Segment;
import org.crema.kernels.Weight;

/**
 * What a token costs, and from that the tokens per second that no run can exceed: the time that each device takes at least to read what
 * it must, one device after the other. Real runs lose time between kernels and at cuts; on fast GPUs that is most of it.
 *
 * @param depth tokens in the cache
 * @param loads of each device of the placement, in its order
 * @param copies slots that go from one device to another for each token
 */
public record Forecast(int depth, List<Load> loads, int copies) {
    /**
     * A device's work for one token.
     *
     * @param device which
     * @param bytes of tensors and cache rows that it reads
     * @param flops operations, a multiply-add counted as two
     * @param rates what it reaches at best
     */
    public record Load(DeviceInfo device, long bytes, long flops, Rates rates) {
        /** The least time in seconds. */
        public double seconds() {
            return rates.seconds((double) bytes, (double) flops);
        }
    }

    public Forecast {
        loads = List.copyOf(loads);
    }

    /**
     * @param depth tokens in the cache
     * @param rates of each device of the plan's placement, in its order
     */
    public static Forecast of(Plan plan, int depth, List<Rates> rates) {
        List<Load> loads = new ArrayList<>();
        for (int d = 0; d < plan.usages().size(); d++) {
            long bytes = 0;
            long flops = 0;
            for (Segment segment : plan.placement().segmentsOf(d)) {
                for (Op op : segment.program().ops()) {
                    bytes += bytes(op, depth, plan.compile().cacheType());
                    flops += flops(op, depth);
                }
            }
            loads.add(new Load(plan.usages().get(d).device(), bytes, flops, rates.get(d)));
        }
        return new Forecast(depth, loads,
                plan.placement().segments().stream().mapToInt(segment -> segment.copies().size()).sum());
    }

    /** Tokens per second at most. */
    public double tokensPerSecond() {
        return 1 / loads.stream().mapToDouble(Load::seconds).sum();
    }

    /** Bytes that one token makes a device read. */
    private static long bytes(Op op, int depth, Cache.Type type) {
        return switch (op) {
            case Op.Embed embed -> embed.table().rowBytes();
            case Op.ExpertMatMul product -> product.weight().bytes() / product.weight().count() * product.ids().width();
            case Op.Attention attention -> depth * type.rowBytes(attention.source().columns());
            case Op.LatentAttention attention -> depth * type.rowBytes(attention.source().columns());
            case Op.RmsNorm _,Op.MatMul _,Op.HeadMatMul _,Op.GateExperts _ ->
                op.tensors().stream().mapToLong(Weight::bytes).sum();
            case Op.Rope _,Op.CacheWrite _,Op.SwiGlu _,Op.ExpertSum _,Op.Add _,Op.SelectRows _ -> 0;
        };
    }

    /** Multiply-adds, twice; what is less than a product is left out. */
    private static long flops(Op op, int depth) {
        return switch (op) {
            case Op.MatMul product -> 2 * elements(product.weight());
            case Op.HeadMatMul product -> 2 * elements(product.weight());
            case Op.GateExperts gate -> 2 * elements(gate.router());
            case Op.ExpertMatMul product -> 2 * elements(product.weight()) / product.weight().count() * product.ids().width();
            case Op.Attention attention -> 2L * depth * (attention.q().width() + attention.out().width());
            case Op.LatentAttention attention -> 2L * depth * (attention.q().width() + attention.qRope().width() + attention.out()
                    .width());
            case Op.Embed _,Op.RmsNorm _,Op.Rope _,Op.CacheWrite _,Op.SwiGlu _,Op.ExpertSum _,Op.Add _,Op.SelectRows _ -> 0;
        };
    }

    private static long elements(Weight weight) {
        return (long) weight.count() * weight.rows() * weight.columns();
    }
}
