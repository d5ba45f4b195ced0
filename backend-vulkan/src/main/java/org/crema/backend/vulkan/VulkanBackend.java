package org.crema.backend.vulkan;

import static org.lwjgl.vulkan.VK10.VK_ERROR_INCOMPATIBLE_DRIVER;

import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.Found;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.quant.QuantType;
import org.lwjgl.vulkan.VkPhysicalDevice;

/** Vulkan devices of all drivers, numbered in one list: GPUs first, then processors, in the order of the loader. */
public final class VulkanBackend implements Backend {
    /** The name of this backend. */
    public static final String NAME = "vulkan";

    private static final List<String> LIBRARIES = switch (System.getProperty("os.name").toLowerCase(Locale.ROOT).replaceAll(
            "[^a-z].*", "")) {
        case "windows" -> List.of("vulkan-1.dll");
        case "mac" -> List.of("libvulkan.1.dylib", "libMoltenVK.dylib");
        default -> List.of("libvulkan.so.1");
    };

    /** Found through {@link java.util.ServiceLoader}. */
    public VulkanBackend() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        return find().discovery((index, facts) -> facts.info(index, facts.tuning()));
    }

    @Override
    public boolean takes(QuantType type) {
        return Spirv.decodes(type);
    }

    /** Why there is no kernel for a type, and which backends on the class path have one. */
    static String refusal(QuantType type) {
        List<String> others = ServiceLoader.load(Backend.class).stream().map(ServiceLoader.Provider::get)
                .filter(backend -> backend
                        .takes(type))
                .map(Backend::name).sorted().toList();
        return "Vulkan has no shader for " + type
                + (others.isEmpty() ? "" : "; backends that take it: " + String.join(", ", others));
    }

    @Override
    public Device open(int index, DeviceOptions options) {
        return open(index, options, null);
    }

    /** @param tuning null for the device's own */
    static GpuDevice open(int index, DeviceOptions options, Tuning tuning) {
        Facts facts = find().get("Vulkan", index);
        return new GpuDevice(new VulkanDriver(index, facts, tuning == null ? facts.tuning() : tuning), options);
    }

    private static Found<Facts> find() {
        // The binding prints to standard error when there is no library, so it must not be touched then.
        if (!Found.library(LIBRARIES)) {
            return Found.nothing("no Vulkan on this machine: " + LIBRARIES.getFirst()
                    + " was not found; install the driver of the GPU, or Mesa's lavapipe to run on the processor");
        }
        try {
            return devices(Instance.get().devices());
        } catch (VulkanException e) {
            return Found.nothing(e.result() == VK_ERROR_INCOMPATIBLE_DRIVER
                    ? "no Vulkan driver (" + e.getMessage() + "); install the driver of the GPU"
                    : "Vulkan does not answer, " + e.getMessage());
        } catch (LinkageError e) {
            return Found.nothing("the Vulkan binding cannot be loaded: " + e.getMessage()
                    + "; start Java with --enable-native-access=ALL-UNNAMED");
        }
    }

    private static Found<Facts> devices(List<VkPhysicalDevice> handles) {
        Found.Search<Facts> search = new Found.Search<>(VulkanException.class);
        handles.forEach(handle -> search.look("a device", () -> Facts.of(handle)));
        if (handles.isEmpty()) {
            search.reject("no Vulkan device; install the driver of the GPU");
        }
        return search.found();
    }
}
