package org.crema.model.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.Map;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceOptions;

/** Backends on the class path, and their devices by name. */
public final class Devices {
    private Devices() {}

    /** Backends by name. */
    public static Map<String, Backend> backends() {
        Map<String, Backend> backends = new TreeMap<>();
        for (Backend backend : ServiceLoader.load(Backend.class)) {
            backends.put(backend.name(), backend);
        }
        return backends;
    }

    /**
     * Opens a device.
     *
     * @param id {@code auto}, a backend's name for its first device, or name and number: {@code opencl:1}
     * @throws DeviceException if there is no such device; the message says which there are
     */
    public static Device open(String id, DeviceOptions options) {
        String wanted = id.equals("auto") ? "cpu" : id;
        int colon = wanted.indexOf(':');
        String name = colon < 0 ? wanted : wanted.substring(0, colon);
        Backend backend = backends().get(name);
        if (backend == null) {
            throw new DeviceException("no backend \"" + name + "\" for device " + id + "; there are " + backends().keySet());
        }
        int index = 0;
        if (colon >= 0) {
            try {
                index = Integer.parseInt(wanted.substring(colon + 1));
            } catch (NumberFormatException e) {
                throw new DeviceException("device \"" + id + "\" is not a backend's name or name:number", e);
            }
        }
        Backend.Discovery found = backend.discover();
        int number = index;
        if (found.devices().stream().noneMatch(info -> info.index() == number)) {
            List<String> known = new ArrayList<>();
            found.devices().forEach(info -> known.add(info.id()));
            throw new DeviceException("no device " + id + "; " + (known.isEmpty() ? name + " has none" : name + " has " + known)
                    + (found.rejections().isEmpty() ? "" : ": " + String.join("; ", found.rejections())));
        }
        return backend.open(index, options);
    }
}
