package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.lwjgl.vulkan.VK10.VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;

import java.util.List;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.Tuning;

/** The device of the tests: the first there is, with the validation layer on. */
final class Devices {
    private static final Backend.Discovery FOUND = new VulkanBackend().discover();

    private Devices() {}

    /** Skips the test where there is no device, with the reason; where {@code CI=true} there has to be one. */
    static void need() {
        boolean there = !FOUND.devices().isEmpty();
        String reason = "no Vulkan device: " + FOUND.rejections() + "; the tests need the validation layer too";
        if ("true".equals(System.getenv("CI"))) {
            assertTrue(there, reason);
        }
        assumeTrue(there, reason);
    }

    /** @param tuning null for the device's own */
    static GpuDevice open(DeviceOptions options, Tuning tuning) {
        need();
        return VulkanBackend.open(0, options, tuning);
    }

    static GpuDevice open() {
        return open(DeviceOptions.DEFAULT, null);
    }

    /**
     * The device as if it were a GPU with memory of its own: weights are copied, all that this process reads and writes goes through
     * staging memory, and work is spread as on an unknown GPU.
     */
    static GpuDevice discrete() {
        need();
        Facts f = Facts.of(Instance.get().devices().getFirst());
        Facts.MemoryType local = new Facts.MemoryType(f.local().index(), f.local().bytes(), f.local().heap(), false);
        Facts discrete = new Facts(f.handle(), f.version(), VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, f.vendor(), f.name(),
                f.driver(),
                f.subgroup(), f.maxGroup(), f.maxGroups(), f.maxAllocation(), f.maxRange(), f.sharedMemory(), f.offsetAlignment(),
                f.hostAlignment(), f.nanosPerTick(), f.family(), local, f.staging(), false, true, false, f.budget(), f.missing());
        return new GpuDevice(new VulkanDriver(0, discrete, Tuning.OTHER), DeviceOptions.DEFAULT);
    }

    static boolean lavapipe() {
        return FOUND.devices().getFirst().details().get("driver").contains("llvmpipe");
    }

    /** Nothing that was done so far was against the rules of Vulkan, as the validation layer sees it. */
    static void valid() {
        if (!FOUND.devices().isEmpty()) {
            assertTrue(Boolean.getBoolean(Instance.VALIDATION), "run with -D" + Instance.VALIDATION + "=true");
            assertEquals(List.of(), Instance.get().messages(), "the validation layer found something");
        }
    }
}
