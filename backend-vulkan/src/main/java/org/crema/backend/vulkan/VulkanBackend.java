package org.crema.backend.vulkan;

import static org.lwjgl.vulkan.VK10.VK_ERROR_INCOMPATIBLE_DRIVER;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
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

    /** What was found: usable devices, and in words what is not. */
    private record Found(List<Facts> devices, List<String> rejections) {}

    /** Found through {@link java.util.ServiceLoader}. */
    public VulkanBackend() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        Found found = find();
        List<DeviceInfo> devices = new ArrayList<>();
        for (int i = 0; i < found.devices().size(); i++) {
            Facts facts = found.devices().get(i);
            devices.add(facts.info(i, facts.tuning()));
        }
        return new Discovery(devices, found.rejections());
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
        Found found = find();
        if (index < 0 || index >= found.devices().size()) {
            throw new DeviceException("there is no Vulkan device " + index + "; found " + found.devices().size()
                    + (found.rejections().isEmpty() ? "" : ", rejected: " + String.join("; ", found.rejections())));
        }
        Facts facts = found.devices().get(index);
        return new GpuDevice(new VulkanDriver(index, facts, tuning == null ? facts.tuning() : tuning), options);
    }

    private static Found find() {
        // The binding prints to standard error when there is no library, so it must not be touched then.
        if (LIBRARIES.stream().noneMatch(VulkanBackend::present)) {
            return new Found(List.of(), List.of("no Vulkan on this machine: " + LIBRARIES.getFirst()
                    + " was not found; install the driver of the GPU, or Mesa's lavapipe to run on the processor"));
        }
        try {
            return devices(Instance.get().devices());
        } catch (VulkanException e) {
            return new Found(List.of(), List.of(e.result() == VK_ERROR_INCOMPATIBLE_DRIVER
                    ? "no Vulkan driver (" + e.getMessage() + "); install the driver of the GPU"
                    : "Vulkan does not answer, " + e.getMessage()));
        } catch (LinkageError e) {
            return new Found(List.of(), List.of("the Vulkan binding cannot be loaded: " + e.getMessage()
                    + "; start Java with --enable-native-access=ALL-UNNAMED"));
        }
    }

    private static boolean present(String library) {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup.libraryLookup(library, arena);
            return true;
        } catch (IllegalArgumentException absent) {
            return false;
        }
    }

    private static Found devices(List<VkPhysicalDevice> handles) {
        List<Facts> gpus = new ArrayList<>();
        List<Facts> processors = new ArrayList<>();
        List<String> rejections = new ArrayList<>();
        for (VkPhysicalDevice handle : handles) {
            try {
                Facts facts = Facts.of(handle);
                String rejection = facts.rejection();
                if (rejection.isEmpty()) {
                    (facts.processor() ? processors : gpus).add(facts);
                } else {
                    rejections.add(facts.name() + ": " + rejection);
                }
            } catch (VulkanException e) {
                rejections.add("a device does not answer, " + e.getMessage());
            }
        }
        if (handles.isEmpty()) {
            rejections.add("no Vulkan device; install the driver of the GPU");
        }
        gpus.addAll(processors);
        return new Found(gpus, rejections);
    }
}
