package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.EXTDebugUtils.*;
import static org.lwjgl.vulkan.EXTValidationFeatures.VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK12.VK_API_VERSION_1_2;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.Configuration;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkApplicationInfo;
import org.lwjgl.vulkan.VkDebugUtilsMessengerCallbackDataEXT;
import org.lwjgl.vulkan.VkDebugUtilsMessengerCallbackEXT;
import org.lwjgl.vulkan.VkDebugUtilsMessengerCreateInfoEXT;
import org.lwjgl.vulkan.VkInstance;
import org.lwjgl.vulkan.VkInstanceCreateInfo;
import org.lwjgl.vulkan.VkPhysicalDevice;
import org.lwjgl.vulkan.VkValidationFeaturesEXT;

/**
 * The connection to Vulkan, made once for the process. With {@code -Dcrema.vulkan.validation=true} it has Khronos' validation layer
 * with synchronisation validation, whose messages are kept.
 */
final class Instance {
    /** Makes the layer check every call. */
    static final String VALIDATION = "crema.vulkan.validation";
    private static final String LAYER = "VK_LAYER_KHRONOS_validation";

    private static Instance instance;

    private final VkInstance handle;
    private final List<String> messages = new CopyOnWriteArrayList<>();

    /** @throws VulkanException if there is no driver */
    static synchronized Instance get() {
        if (instance == null) {
            instance = new Instance(Boolean.getBoolean(VALIDATION));
        }
        return instance;
    }

    private Instance(boolean validation) {
        // Its usual one makes the JDK warn.
        Configuration.MEMORY_BACKEND.set("ffm");
        try (MemoryStack stack = stackPush()) {
            VkApplicationInfo application = VkApplicationInfo.calloc(stack).sType$Default().pApplicationName(stack.UTF8("Crema"))
                    .apiVersion(VK_API_VERSION_1_2);
            VkInstanceCreateInfo create = VkInstanceCreateInfo.calloc(stack).sType$Default().pApplicationInfo(application);
            if (validation) {
                VkDebugUtilsMessengerCreateInfoEXT messenger = messenger(stack);
                create.ppEnabledLayerNames(stack.pointers(stack.UTF8(LAYER)))
                        .ppEnabledExtensionNames(stack.pointers(stack.UTF8(VK_EXT_DEBUG_UTILS_EXTENSION_NAME)))
                        .pNext(VkValidationFeaturesEXT.calloc(stack).sType$Default()
                                .pEnabledValidationFeatures(stack.ints(
                                        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT))
                                .pNext(messenger.address()));
                PointerBuffer made = stack.mallocPointer(1);
                check(vkCreateInstance(create, null, made), "making an instance with the validation layer");
                handle = new VkInstance(made.get(0), create);
                check(vkCreateDebugUtilsMessengerEXT(handle, messenger(stack), null, stack.mallocLong(1)), "adding a messenger");
            } else {
                PointerBuffer made = stack.mallocPointer(1);
                check(vkCreateInstance(create, null, made), "making an instance");
                handle = new VkInstance(made.get(0), create);
            }
        }
    }

    private VkDebugUtilsMessengerCreateInfoEXT messenger(MemoryStack stack) {
        // Lives as long as the process.
        VkDebugUtilsMessengerCallbackEXT callback = VkDebugUtilsMessengerCallbackEXT.create((_, _, data, _) -> {
            messages.add(VkDebugUtilsMessengerCallbackDataEXT.create(data).pMessageString());
            return VK_FALSE;
        });
        return VkDebugUtilsMessengerCreateInfoEXT.calloc(stack).sType$Default()
                .messageSeverity(VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT)
                .messageType(VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT
                        | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT)
                .pfnUserCallback(callback);
    }

    /** What the validation layer said so far. */
    List<String> messages() {
        return messages;
    }

    List<VkPhysicalDevice> devices() {
        try (MemoryStack stack = stackPush()) {
            IntBuffer count = stack.mallocInt(1);
            check(vkEnumeratePhysicalDevices(handle, count, null), "counting devices");
            PointerBuffer devices = stack.mallocPointer(Math.max(1, count.get(0)));
            check(vkEnumeratePhysicalDevices(handle, count, devices), "listing devices");
            List<VkPhysicalDevice> list = new ArrayList<>();
            for (int i = 0; i < count.get(0); i++) {
                list.add(new VkPhysicalDevice(devices.get(i), handle));
            }
            return list;
        }
    }
}
