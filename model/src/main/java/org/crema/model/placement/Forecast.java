package org.crema.model.placement;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Precision;
import org.crema.kernels.Rates;
import org.crema.kernels.Segment;
import org.crema.kernels.Work;

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
     * @param work what it has to do
     * @param precision with which it computes
     * @param rates what it reaches at best
     */
    public record Load(DeviceInfo device, Work work, Precision precision, Rates rates) {
        /** Bytes of tensors and cache rows that it reads. */
        public long bytes() {
            return Math.round(work.fusedBytes());
        }

        /** The least time in seconds. */
        public double seconds() {
            return work.fusedSeconds(rates, precision);
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
        Work.Shape token = new Work.Shape(1, 1, 1, depth, plan.compile().cacheType());
        List<Load> loads = new ArrayList<>();
        for (int d = 0; d < plan.usages().size(); d++) {
            Work work = Work.NONE;
            for (Segment segment : plan.placement().segmentsOf(d)) {
                work = work.plus(Work.of(segment.program(), token));
            }
            loads.add(new Load(plan.usages().get(d).device(), work, plan.compile().precision(), rates.get(d)));
        }
        return new Forecast(depth, loads,
                plan.placement().segments().stream().mapToInt(segment -> segment.copies().size()).sum());
    }

    /** Tokens per second at most. */
    public double tokensPerSecond() {
        return 1 / loads.stream().mapToDouble(Load::seconds).sum();
    }
}
