package org.crema.model.runtime;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.function.Function;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;

/** Backends on the class path, and their devices by name. */
public final class Devices {
    /**
     * Backends that {@code auto} looks for GPUs of, in this order; others follow by name. One card is often known to several: the first
     * that has any counts, for all cards. CUDA is made for its cards; OpenCL takes all tensor types, Vulkan does not.
     */
    private static final List<String> PREFERRED = List.of("cuda", "opencl", "vulkan");
    private static final String HOST = "cpu";

    /** What Linux, WSL among it, shows of cards to the drivers of which {@link #PREFERRED} are made. */
    private static final List<String> CARDS = List.of("nvidiactl", "nvidia0", "dri", "kfd", "dxg");

    private Devices() {}

    /** Loading drivers to learn that they have no card takes a quarter of a second. */
    private static boolean mayHaveCard() {
        return !System.getProperty("os.name").equals("Linux") || !Files.isDirectory(Path.of("/dev"))
                || CARDS.stream().anyMatch(name -> Files.exists(Path.of("/dev", name)));
    }

    /** Backends by name. */
    public static Map<String, Backend> backends() {
        Map<String, Backend> backends = new TreeMap<>();
        for (Backend backend : ServiceLoader.load(Backend.class)) {
            backends.put(backend.name(), backend);
        }
        return backends;
    }

    /** Devices that a model is to have, being looked for. */
    public static final class Search {
        private final String ids;
        /** What backends have to offer, in order of preference. */
        private final Map<String, Background<Backend.Discovery>> found = new LinkedHashMap<>();

        private Search(String ids) {
            this.ids = ids;
            Map<String, Backend> backends = backends();
            List<String> names = new ArrayList<>();
            if (!ids.equals("auto")) {
                Arrays.stream(ids.split(",", -1)).map(id -> backendOf(id.strip())).forEach(names::add);
            } else {
                if (mayHaveCard()) {
                    names.addAll(PREFERRED);
                    backends.keySet().stream().filter(name -> !PREFERRED.contains(name) && !name.equals(HOST))
                            .forEach(names::add);
                }
                names.add(HOST);
            }
            for (String name : names) {
                Backend backend = backends.get(name);
                if (backend != null) {
                    found.computeIfAbsent(name, n -> Background.start("discover-" + n, backend::discover));
                }
            }
        }

        /**
         * Opens them.
         *
         * @throws DeviceException if there is no such device, or one is named twice; nothing stays open then
         */
        public List<Device> open(DeviceOptions options) {
            List<String> wanted = ids.equals("auto") ? automatic() : List.of(ids.split(",", -1));
            List<Device> devices = new ArrayList<>();
            try {
                for (String id : wanted) {
                    Device device = Devices.open(id.strip(), options, backend -> found.get(backend.name()).get());
                    devices.add(device);
                    String opened = device.info().id();
                    if (devices.stream().filter(other -> other.info().id().equals(opened)).count() > 1) {
                        throw new DeviceException("device " + opened + " is named twice in \"" + ids + "\"");
                    }
                }
                return List.copyOf(devices);
            } catch (RuntimeException e) {
                devices.forEach(Device::close);
                throw e;
            }
        }

        private List<String> automatic() {
            for (Map.Entry<String, Background<Backend.Discovery>> each : found.entrySet()) {
                if (each.getKey().equals(HOST)) {
                    continue;
                }
                List<String> ids = new ArrayList<>();
                each.getValue().get().devices().stream().filter(info -> info.kind() == DeviceInfo.Kind.DISCRETE)
                        .map(DeviceInfo::id)
                        .forEach(ids::add);
                if (!ids.isEmpty()) {
                    ids.add(HOST);
                    return ids;
                }
            }
            return List.of(HOST);
        }
    }

    /**
     * Begins to look for devices that share a model. Where several drivers are installed that takes a third of a second, so each backend
     * looks in a thread of its own, and a model's file can be read meanwhile.
     *
     * @param ids {@code auto} for all discrete GPUs of one backend and the CPU (on Linux drivers are not even loaded where {@code /dev} has no
     *     card), or ids as in {@link #open}, with commas
     */
    public static Search search(String ids) {
        return new Search(ids);
    }

    /**
     * Opens a device.
     *
     * @param id a backend's name for its first device, or name and number: {@code opencl:1}
     * @throws DeviceException if there is no such device; the message says which there are
     */
    public static Device open(String id, DeviceOptions options) {
        return open(id, options, Backend::discover);
    }

    private static String backendOf(String id) {
        int colon = id.indexOf(':');
        return colon < 0 ? id : id.substring(0, colon);
    }

    private static Device open(String id, DeviceOptions options, Function<Backend, Backend.Discovery> discover) {
        int colon = id.indexOf(':');
        String name = backendOf(id);
        Backend backend = backends().get(name);
        if (backend == null) {
            throw new DeviceException("no backend \"" + name + "\" for device " + id + "; there are " + backends().keySet());
        }
        int index = 0;
        if (colon >= 0) {
            try {
                index = Integer.parseInt(id.substring(colon + 1));
            } catch (NumberFormatException e) {
                throw new DeviceException("device \"" + id + "\" is not a backend's name or name:number", e);
            }
        }
        Backend.Discovery found = discover.apply(backend);
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
