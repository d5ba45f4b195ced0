package org.crema.model.placement;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Segment;
import org.crema.kernels.Weight;
import org.crema.kernels.Work;

/**
 * From how many tokens of a step on it is quicker to bring experts to an accelerator than to compute them with the host. With n tokens,
 *
 * <pre>
 *   host          max(bytes of the experts that n tokens choose / its bandwidth, operations of n tokens / its rate)
 *   accelerator   bytes of all experts / upload, and the same with its own bandwidth and rate
 * </pre>
 *
 * <p>Rates are what devices were measured to reach at best. They are measured when they are first needed, and once.
 */
final class BreakEven {
    private final Map<Device, Rates> rates = new HashMap<>();
    private final Map<Device, Double> uploads = new HashMap<>();

    /** The smallest step of all layers together; {@link Integer#MAX_VALUE} if none that is allowed is large enough. */
    int from(Placement streamed, int host, CompileOptions compile) {
        int most = compile.limits().tokens();
        if (!quicker(streamed, host, compile, most)) {
            return Integer.MAX_VALUE;
        }
        int low = 1;
        int high = most;
        while (low < high) {
            int middle = (low + high) / 2;
            if (quicker(streamed, host, compile, middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    private boolean quicker(Placement streamed, int host, CompileOptions compile, int tokens) {
        Work.Shape shape = new Work.Shape(tokens, 1, 1, 0, compile.cacheType());
        Set<Weight> weights = streamed.streamedWeights();
        double there = 0;
        double here = 0;
        for (Segment segment : streamed.streaming().orElseThrow().segments()) {
            Program program = segment.program();
            if (weights.containsAll(program.tensors()) && !program.tensors().isEmpty()) {
                Device device = streamed.devices().get(segment.device());
                if (device.info().kind() == DeviceInfo.Kind.HOST) {
                    return false; // the same processor under another name
                }
                double bytes = program.tensors().stream().mapToDouble(Weight::bytes).sum();
                here += Work.of(program, shape).fusedSeconds(rates(streamed.devices().get(host)), compile.precision());
                there += bytes / uploads.computeIfAbsent(device, Device::measureUpload)
                        + Work.of(program, shape).fusedSeconds(rates(device), compile.precision());
            }
        }
        return there < here;
    }

    /** Measured when they are first asked for. */
    Rates rates(Device device) {
        return rates.computeIfAbsent(device, Device::measure);
    }
}
