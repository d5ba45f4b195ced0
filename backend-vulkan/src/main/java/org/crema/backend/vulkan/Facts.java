package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.EXTExternalMemoryHost.VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
import static org.lwjgl.vulkan.EXTMemoryBudget.VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
import static org.lwjgl.vulkan.KHRCooperativeMatrix.*;
import static org.lwjgl.vulkan.KHRShaderIntegerDotProduct.VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK11.*;
import static org.lwjgl.vulkan.VK12.VK_API_VERSION_1_2;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Capacity;
import org.crema.kernels.gpu.Found;
import org.crema.kernels.gpu.HostMemory;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.gpu.Vendors;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkCooperativeMatrixPropertiesKHR;
import org.lwjgl.vulkan.VkExtensionProperties;
import org.lwjgl.vulkan.VkPhysicalDevice;
import org.lwjgl.vulkan.VkPhysicalDeviceExternalMemoryHostPropertiesEXT;
import org.lwjgl.vulkan.VkPhysicalDeviceFeatures2;
import org.lwjgl.vulkan.VkPhysicalDeviceLimits;
import org.lwjgl.vulkan.VkPhysicalDeviceMemoryBudgetPropertiesEXT;
import org.lwjgl.vulkan.VkPhysicalDeviceMemoryProperties;
import org.lwjgl.vulkan.VkPhysicalDeviceMemoryProperties2;
import org.lwjgl.vulkan.VkPhysicalDeviceProperties2;
import org.lwjgl.vulkan.VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan11Features;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan11Properties;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan12Features;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan12Properties;
import org.lwjgl.vulkan.VkQueueFamilyProperties;

/**
 * What a device says about itself.
 *
 * @param handle the device
 * @param version of Vulkan, packed
 * @param type a VK_PHYSICAL_DEVICE_TYPE
 * @param subgroup work-items of a subgroup
 * @param maxGroup work-items of a group
 * @param maxGroups work-groups in the first dimension
 * @param maxAllocation most bytes of a piece of memory
 * @param maxRange most bytes of a bound buffer
 * @param sharedMemory bytes that a work-group shares
 * @param offsetAlignment of a bound range
 * @param hostAlignment of memory of this process that is imported; 0 if none can be
 * @param nanosPerTick of its clock; 0 if it has none
 * @param family queue family for computing; -1 if there is none
 * @param local memory type of buffers
 * @param staging memory type that copies go through
 * @param int8 whether it multiplies packed signed bytes in one instruction
 * @param cooperative whether it multiplies matrices of 16 × 16 halves into floats, and may: {@value #COOPERATIVE}
 * @param missing features that kernels need and that are not there
 */
record Facts(VkPhysicalDevice handle, int version, int type, int vendor, String name, String driver, int subgroup, int maxGroup,
        long maxGroups, long maxAllocation, long maxRange, long sharedMemory, long offsetAlignment, long hostAlignment,
        float nanosPerTick, int family, MemoryType local, MemoryType staging, boolean fp64, boolean int8,
        boolean cooperative, boolean budget,
        List<String> missing) implements Found.Facts {
    /** Set to {@code true}, takes cooperative matrices where there are some; no hardware has run them yet. */
    static final String COOPERATIVE = "crema.vulkan.cooperative";

    private static final int VENDOR_AMD = 0x1002;
    private static final int VENDOR_NVIDIA = 0x10DE;
    private static final int VENDOR_INTEL = 0x8086;
    /** Vulkan does not tell compute units. This many keep any GPU busy. */
    private static final int UNITS = 64;
    /** Rows and columns of a cooperative matrix. */
    private static final int PART = 16;
    /** Of a bound range; slots lie at multiples of it. */
    private static final int ALIGNMENT = 256;

    /**
     * Lavapipe, which runs a subgroup as one vector: a launch costs most, so groups are few and small, and a work-item sums two
     * rows.
     */
    private static final Tuning SOFTWARE = new Tuning("processor", 8, 8, 16, 1, true, false, new Tuning.Tile(4, 4, 4, 4), 16, 64,
            8, 8, 16, 4);

    /**
     * A type of memory.
     *
     * @param index among the device's types
     * @param bytes of its heap
     * @param heap its heap
     * @param mapped whether this process can read and write it
     */
    record MemoryType(int index, long bytes, int heap, boolean mapped) {}

    static Facts of(VkPhysicalDevice device) {
        try (MemoryStack stack = stackPush()) {
            Set<String> extensions = extensions(device);
            boolean dots = extensions.contains(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
            VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR dot = VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR
                    .calloc(
                            stack)
                    .sType$Default();
            boolean imports = extensions.contains(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
            VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = VkPhysicalDeviceExternalMemoryHostPropertiesEXT.calloc(stack)
                    .sType$Default();
            VkPhysicalDeviceVulkan12Properties v12 = VkPhysicalDeviceVulkan12Properties.calloc(stack).sType$Default();
            VkPhysicalDeviceVulkan11Properties v11 = VkPhysicalDeviceVulkan11Properties.calloc(stack).sType$Default();
            VkPhysicalDeviceProperties2 all = VkPhysicalDeviceProperties2.calloc(stack).sType$Default();
            vkGetPhysicalDeviceProperties(device, all.properties());
            boolean recent = all.properties().apiVersion() >= VK_API_VERSION_1_2;
            List<String> missing = new ArrayList<>();
            boolean fp64 = false;
            if (recent) {
                host.pNext(dots ? dot.address() : 0);
                v12.pNext(imports ? host.address() : host.pNext());
                all.pNext(v11.pNext(v12.address()).address());
                vkGetPhysicalDeviceProperties2(device, all);
                fp64 = features(device, stack, v11, missing);
            }
            VkPhysicalDeviceLimits limits = all.properties().limits();
            int type = all.properties().deviceType();
            int family = family(device, stack);
            boolean unified = type == VK_PHYSICAL_DEVICE_TYPE_CPU || type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
            return new Facts(device, all.properties().apiVersion(), type, all.properties().vendorID(),
                    all.properties().deviceNameString(), recent ? v12.driverNameString() + " " + v12.driverInfoString() : "",
                    v11.subgroupSize(), Math.min(limits.maxComputeWorkGroupInvocations(), limits.maxComputeWorkGroupSize(0)),
                    Integer.toUnsignedLong(limits.maxComputeWorkGroupCount(0)), v11.maxMemoryAllocationSize(),
                    Integer.toUnsignedLong(limits.maxStorageBufferRange()), limits.maxComputeSharedMemorySize(),
                    limits.minStorageBufferOffsetAlignment(), imports ? host.minImportedHostPointerAlignment() : 0,
                    family >= 0 && ticks(device, family, stack) ? limits.timestampPeriod() : 0, family,
                    memory(device, stack, unified, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT),
                    memory(device, stack, true, 0), fp64,
                    dots && dot.integerDotProduct4x8BitPackedSignedAccelerated(),
                    Boolean.getBoolean(COOPERATIVE) && extensions.contains(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)
                            && multiplies(device, stack),
                    extensions.contains(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME), missing);
        }
    }

    /** Lists what is missing; returns whether there is F64. */
    private static boolean features(VkPhysicalDevice device, MemoryStack stack, VkPhysicalDeviceVulkan11Properties v11,
            List<String> missing) {
        VkPhysicalDeviceVulkan12Features f12 = VkPhysicalDeviceVulkan12Features.calloc(stack).sType$Default();
        VkPhysicalDeviceVulkan11Features f11 = VkPhysicalDeviceVulkan11Features.calloc(stack).sType$Default()
                .pNext(f12.address());
        VkPhysicalDeviceFeatures2 features = VkPhysicalDeviceFeatures2.calloc(stack).sType$Default().pNext(f11.address());
        vkGetPhysicalDeviceFeatures2(device, features);
        need(missing, features.features().shaderInt64(), "shaderInt64");
        need(missing, f11.storageBuffer16BitAccess(), "storageBuffer16BitAccess");
        need(missing, f12.storageBuffer8BitAccess(), "storageBuffer8BitAccess");
        need(missing, f12.bufferDeviceAddress(), "bufferDeviceAddress");
        need(missing, f12.timelineSemaphore(), "timelineSemaphore");
        need(missing, (v11.subgroupSupportedStages() & VK_SHADER_STAGE_COMPUTE_BIT) != 0
                && (v11.subgroupSupportedOperations() & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT) != 0,
                "subgroup arithmetic in compute shaders");
        return features.features().shaderFloat64();
    }

    /** Whether there are cooperative matrices as {@code cooperative.glsl} has them, and what else it takes. */
    private static boolean multiplies(VkPhysicalDevice device, MemoryStack stack) {
        VkPhysicalDeviceVulkan12Features f12 = VkPhysicalDeviceVulkan12Features.calloc(stack).sType$Default();
        vkGetPhysicalDeviceFeatures2(device, VkPhysicalDeviceFeatures2.calloc(stack).sType$Default().pNext(f12.address()));
        if (!f12.vulkanMemoryModel() || !f12.shaderFloat16()) {
            return false;
        }
        IntBuffer count = stack.mallocInt(1);
        check(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, count, null), "counting cooperative matrices");
        VkCooperativeMatrixPropertiesKHR.Buffer list = VkCooperativeMatrixPropertiesKHR.calloc(count.get(0), stack);
        list.forEach(one -> one.sType$Default());
        check(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, count, list), "listing cooperative matrices");
        return list.stream().anyMatch(one -> one.MSize() == PART && one.NSize() == PART && one.KSize() == PART
                && one.AType() == VK_COMPONENT_TYPE_FLOAT16_KHR && one.BType() == VK_COMPONENT_TYPE_FLOAT16_KHR
                && one.CType() == VK_COMPONENT_TYPE_FLOAT32_KHR && one.ResultType() == VK_COMPONENT_TYPE_FLOAT32_KHR
                && one.scope() == VK_SCOPE_SUBGROUP_KHR);
    }

    private static void need(List<String> missing, boolean there, String what) {
        if (!there) {
            missing.add(what);
        }
    }

    private static Set<String> extensions(VkPhysicalDevice device) {
        try (MemoryStack stack = stackPush()) {
            IntBuffer count = stack.mallocInt(1);
            check(vkEnumerateDeviceExtensionProperties(device, (ByteBuffer) null, count, null), "counting extensions");
            Set<String> names = new TreeSet<>();
            try (VkExtensionProperties.Buffer list = VkExtensionProperties.calloc(count.get(0))) {
                check(vkEnumerateDeviceExtensionProperties(device, (ByteBuffer) null, count, list), "listing extensions");
                list.forEach(extension -> names.add(extension.extensionNameString()));
            }
            return names;
        }
    }

    private static VkQueueFamilyProperties.Buffer families(VkPhysicalDevice device, MemoryStack stack) {
        IntBuffer count = stack.mallocInt(1);
        vkGetPhysicalDeviceQueueFamilyProperties(device, count, null);
        VkQueueFamilyProperties.Buffer list = VkQueueFamilyProperties.calloc(count.get(0), stack);
        vkGetPhysicalDeviceQueueFamilyProperties(device, count, list);
        return list;
    }

    /** One for computing only if there is, which does not wait for a desktop's drawing. */
    private static int family(VkPhysicalDevice device, MemoryStack stack) {
        VkQueueFamilyProperties.Buffer list = families(device, stack);
        int found = -1;
        for (int i = 0; i < list.capacity(); i++) {
            int flags = list.get(i).queueFlags();
            boolean computes = (flags & VK_QUEUE_COMPUTE_BIT) != 0;
            if (computes && (found < 0 || (flags & VK_QUEUE_GRAPHICS_BIT) == 0)) {
                found = i;
            }
        }
        return found;
    }

    private static boolean ticks(VkPhysicalDevice device, int family, MemoryStack stack) {
        return families(device, stack).get(family).timestampValidBits() > 0;
    }

    /**
     * The best type of memory.
     *
     * @param mapped whether this process has to see it
     * @param wanted other properties it needs to have
     */
    private static MemoryType memory(VkPhysicalDevice device, MemoryStack stack, boolean mapped, int wanted) {
        int visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        VkPhysicalDeviceMemoryProperties memory = VkPhysicalDeviceMemoryProperties.calloc(stack);
        vkGetPhysicalDeviceMemoryProperties(device, memory);
        MemoryType best = null;
        long most = -1;
        for (int i = 0; i < memory.memoryTypeCount(); i++) {
            int flags = memory.memoryTypes(i).propertyFlags();
            int heap = memory.memoryTypes(i).heapIndex();
            boolean sees = (flags & visible) == visible;
            if ((flags & wanted) != wanted || (mapped && !sees)) {
                continue;
            }
            // Larger heaps first, then what the processor reads through its caches; what need not be mapped had better not be.
            long worth = memory.memoryHeaps(heap).size() / 4 * 4 + (mapped
                    ? (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) != 0
                            ? 1
                            : 0
                    : sees ? 0 : 1);
            if (worth > most) {
                most = worth;
                best = new MemoryType(i, memory.memoryHeaps(heap).size(), heap, mapped);
            }
        }
        return best;
    }

    @Override
    public String rejection() {
        if (version < VK_API_VERSION_1_2) {
            return "it offers Vulkan %d.%d, at least 1.2 is needed; install a newer driver".formatted(VK_VERSION_MAJOR(version),
                    VK_VERSION_MINOR(version));
        }
        if (!missing.isEmpty()) {
            return "its driver lacks " + String.join(", ", missing);
        }
        if (family < 0) {
            return "it has no queue for computing";
        }
        if (local == null || staging == null) {
            return "it has no memory that can be used";
        }
        if (offsetAlignment > ALIGNMENT) {
            return "it binds buffers at multiples of " + offsetAlignment + " bytes only, " + ALIGNMENT + " are needed";
        }
        if (maxGroup < Tuning.OTHER.largest()) {
            return "its work-groups have at most " + maxGroup + " work-items, " + Tuning.OTHER.largest() + " are needed";
        }
        return "";
    }

    @Override
    public boolean processor() {
        return type == VK_PHYSICAL_DEVICE_TYPE_CPU;
    }

    DeviceInfo.Kind kind() {
        return switch (type) {
            case VK_PHYSICAL_DEVICE_TYPE_CPU -> DeviceInfo.Kind.HOST;
            case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU -> DeviceInfo.Kind.INTEGRATED;
            default -> DeviceInfo.Kind.DISCRETE;
        };
    }

    private String vendorName() {
        return switch (vendor) {
            case VENDOR_AMD -> "AMD";
            case VENDOR_NVIDIA -> "NVIDIA";
            case VENDOR_INTEL -> "Intel";
            default -> "%#x".formatted(vendor);
        };
    }

    Tuning tuning() {
        return processor() ? SOFTWARE : Vendors.of(false, 0, vendorName(), subgroup, maxGroup);
    }

    Capacity capacity() {
        return new Capacity(processor() ? Runtime.getRuntime().availableProcessors() : UNITS, sharedMemory, processor(),
                maxAllocation, maxRange, this::inPlace);
    }

    /** Whether a tensor is used where it is mapped. Kernels read words of blocks whose size is a multiple of 4. */
    private boolean inPlace(Weight weight) {
        return processor() && hostAlignment > 0 && (weight.planned() || (weight.data().isNative()
                && weight.data().address() % Integer.BYTES == 0 && weight.matrixStride() % Short.BYTES == 0));
    }

    /** Bytes that are free now, as far as the driver tells. */
    private long free() {
        long bytes = local.bytes();
        if (budget) {
            try (MemoryStack stack = stackPush()) {
                VkPhysicalDeviceMemoryBudgetPropertiesEXT told = VkPhysicalDeviceMemoryBudgetPropertiesEXT.calloc(stack)
                        .sType$Default();
                vkGetPhysicalDeviceMemoryProperties2(handle,
                        VkPhysicalDeviceMemoryProperties2.calloc(stack).sType$Default().pNext(
                                told.address()));
                bytes = Math.max(0, told.heapBudget(local.heap()) - told.heapUsage(local.heap()));
            }
        }
        return kind() == DeviceInfo.Kind.DISCRETE ? bytes : Math.min(bytes, HostMemory.free());
    }

    DeviceInfo info(int index, Tuning tuning) {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("vendor", vendorName());
        details.put("driver", driver);
        details.put("version", "Vulkan " + VK_VERSION_MAJOR(version) + "." + VK_VERSION_MINOR(version) + "." + VK_VERSION_PATCH(
                version));
        details.put("subgroup", subgroup + " work-items");
        details.put("local memory", sharedMemory / 1024 + " KiB");
        details.put("largest binding", (maxRange >> 20) + " MiB");
        details.put("arithmetic", "F32" + (fp64 ? ", F64" : "") + (int8 ? ", packed int8" : "") + (cooperative
                ? ", cooperative matrices"
                : ""));
        details.put("tuned as", tuning.name());
        return new DeviceInfo(VulkanBackend.NAME, index, name, kind(), local.bytes(), free(), details);
    }
}
