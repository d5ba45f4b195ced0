package org.crema.backend.cpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.crema.backend.cpu.kernel.Bf16;
import org.crema.backend.cpu.kernel.Int8;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;

/** Runs programs on the processor: Vector API kernels over weights as they are mapped. One device, always there. */
public final class CpuBackend implements Backend {
    /** The name of this backend, and of its device. */
    public static final String NAME = "cpu";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        if (VectorSupport.PRESENT) {
            Int8.prepare();
        }
        return new Discovery(List.of(info(Machine.cores(), Long.MAX_VALUE)), List.of());
    }

    @Override
    public Device open(int index, DeviceOptions options) {
        if (index != 0) {
            throw new DeviceException("there is no CPU device " + index + ", only 0");
        }
        return new CpuDevice(options);
    }

    static DeviceInfo info(int threads, long memoryLimit) {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("vectors", VectorSupport.describe(Lanes.BEST.bits()));
        details.put("bf16", VectorSupport.PRESENT ? Bf16.describe() : "no: no vectors");
        details.put("int8", VectorSupport.PRESENT ? Int8.describe() : "no: no vectors");
        details.put("threads", Integer.toString(threads));
        return new DeviceInfo(NAME, 0, Machine.processor(), DeviceInfo.Kind.HOST, Math.min(memoryLimit, Machine.memory()),
                Math.min(memoryLimit, Machine.freeMemory()), details);
    }
}
