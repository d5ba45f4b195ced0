package org.crema.kernels.reference;

import java.util.List;
import java.util.Map;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;

/** The plain interpreter as a backend with one device, which is always there. */
public final class ReferenceBackend implements Backend {
    /** Found through {@link java.util.ServiceLoader}. */
    public ReferenceBackend() {}

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public Discovery discover() {
        return new Discovery(List.of(info()), List.of());
    }

    @Override
    public Device open(int index, DeviceOptions options) {
        if (index != 0) {
            throw new DeviceException("the reference backend has one device, number 0; there is no number " + index);
        }
        return new ReferenceDevice(info(), options);
    }

    private static DeviceInfo info() {
        Runtime runtime = Runtime.getRuntime();
        long used = runtime.totalMemory() - runtime.freeMemory();
        return new DeviceInfo("reference", 0, "plain Java interpreter", DeviceInfo.Kind.HOST, runtime.maxMemory(),
                runtime.maxMemory() - used, Map.of("arithmetic", "sums in double, one thread"));
    }
}
