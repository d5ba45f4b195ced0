package org.crema.backend.vulkan;

import static org.lwjgl.vulkan.VK10.*;

import java.util.Map;
import java.util.Set;

/** A call of Vulkan that failed. */
final class VulkanException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final Map<Integer, String> NAMES = Map.of(VK_ERROR_OUT_OF_HOST_MEMORY, "VK_ERROR_OUT_OF_HOST_MEMORY",
            VK_ERROR_OUT_OF_DEVICE_MEMORY, "VK_ERROR_OUT_OF_DEVICE_MEMORY", VK_ERROR_INITIALIZATION_FAILED,
            "VK_ERROR_INITIALIZATION_FAILED", VK_ERROR_DEVICE_LOST,
            "VK_ERROR_DEVICE_LOST: the driver gave the device up, since a launch took too long or failed; load the model again",
            VK_ERROR_LAYER_NOT_PRESENT, "VK_ERROR_LAYER_NOT_PRESENT", VK_ERROR_EXTENSION_NOT_PRESENT,
            "VK_ERROR_EXTENSION_NOT_PRESENT", VK_ERROR_FEATURE_NOT_PRESENT, "VK_ERROR_FEATURE_NOT_PRESENT",
            VK_ERROR_INCOMPATIBLE_DRIVER, "VK_ERROR_INCOMPATIBLE_DRIVER", VK_ERROR_TOO_MANY_OBJECTS, "VK_ERROR_TOO_MANY_OBJECTS",
            VK_ERROR_MEMORY_MAP_FAILED, "VK_ERROR_MEMORY_MAP_FAILED");
    private static final Set<Integer> OUT_OF_MEMORY = Set.of(VK_ERROR_OUT_OF_HOST_MEMORY, VK_ERROR_OUT_OF_DEVICE_MEMORY,
            VK_ERROR_TOO_MANY_OBJECTS, VK_ERROR_MEMORY_MAP_FAILED);

    private final int result;

    VulkanException(int result, String what) {
        super(what + ": " + NAMES.getOrDefault(result, "VkResult " + result));
        this.result = result;
    }

    static void check(int result, String what) {
        if (result != VK_SUCCESS) {
            throw new VulkanException(result, what);
        }
    }

    int result() {
        return result;
    }

    boolean outOfMemory() {
        return OUT_OF_MEMORY.contains(result);
    }
}
