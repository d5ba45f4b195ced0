package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.EXTExternalMemoryHost.VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
import static org.lwjgl.vulkan.EXTMemoryBudget.VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
import static org.lwjgl.vulkan.KHRCooperativeMatrix.VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
import static org.lwjgl.vulkan.KHRShaderIntegerDotProduct.VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK12.VK_API_VERSION_1_2;

import java.util.Set;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Op;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Capacity;
import org.crema.kernels.gpu.Driver;
import org.crema.kernels.gpu.Features;
import org.crema.kernels.gpu.Queue;
import org.crema.kernels.gpu.Tuning;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkDeviceCreateInfo;
import org.lwjgl.vulkan.VkDeviceQueueCreateInfo;
import org.lwjgl.vulkan.VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceFeatures2;
import org.lwjgl.vulkan.VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan11Features;
import org.lwjgl.vulkan.VkPhysicalDeviceVulkan12Features;
import org.lwjgl.vulkan.VkQueue;
import org.lwjgl.vulkan.VkSubmitInfo;

/** A Vulkan device, its one queue and the pipelines made for it. */
final class VulkanDriver implements Driver {
    private static final Set<Features.Kernel> KERNELS = Set.of(Features.Kernel.JOINT, Features.Kernel.EXPERT_SUM,
            Features.Kernel.INT8_TILES);

    private final int index;
    private final Facts facts;
    private final Tuning tuning;
    private final VkDevice device;
    private final VkQueue queue;
    private final Pipelines pipelines;

    VulkanDriver(int index, Facts facts, Tuning tuning) {
        this.index = index;
        this.facts = facts;
        this.tuning = tuning;
        String id = info().id();
        try (MemoryStack stack = stackPush()) {
            VkPhysicalDeviceVulkan12Features f12 = VkPhysicalDeviceVulkan12Features.calloc(stack).sType$Default()
                    .storageBuffer8BitAccess(true).bufferDeviceAddress(true).timelineSemaphore(true);
            VkPhysicalDeviceVulkan11Features f11 = VkPhysicalDeviceVulkan11Features.calloc(stack).sType$Default()
                    .storageBuffer16BitAccess(true).pNext(f12.address());
            VkPhysicalDeviceFeatures2 features = VkPhysicalDeviceFeatures2.calloc(stack).sType$Default().pNext(f11.address());
            features.features().shaderInt64(true).shaderFloat64(facts.fp64());
            PointerBuffer extensions = stack.mallocPointer(4);
            if (facts.cooperative()) {
                extensions.put(stack.UTF8(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME));
                f12.vulkanMemoryModel(true).shaderFloat16(true);
                f12.pNext(VkPhysicalDeviceCooperativeMatrixFeaturesKHR.calloc(stack).sType$Default().cooperativeMatrix(true)
                        .address());
            }
            if (facts.int8()) {
                extensions.put(stack.UTF8(VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME));
                f12.pNext(
                        VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR.calloc(stack).sType$Default().shaderIntegerDotProduct(
                                true).address());
            }
            if (facts.hostAlignment() > 0) {
                extensions.put(stack.UTF8(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME));
            }
            if (facts.budget()) {
                extensions.put(stack.UTF8(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME));
            }
            VkDeviceCreateInfo create = VkDeviceCreateInfo.calloc(stack).sType$Default().pNext(features.address())
                    .pQueueCreateInfos(VkDeviceQueueCreateInfo.calloc(1, stack).sType$Default().queueFamilyIndex(facts.family())
                            .pQueuePriorities(stack.floats(1)))
                    .ppEnabledExtensionNames(extensions.flip());
            PointerBuffer handle = stack.mallocPointer(1);
            check(vkCreateDevice(facts.handle(), create, null, handle), "opening it");
            device = new VkDevice(handle.get(0), facts.handle(), create, VK_API_VERSION_1_2);
            vkGetDeviceQueue(device, facts.family(), 0, handle);
            queue = new VkQueue(handle.get(0), device);
        } catch (VulkanException e) {
            throw new DeviceException(id + ", " + facts.name() + ", cannot be opened: " + e.getMessage()
                    + "; is another process using all of it?", e);
        }
        pipelines = new Pipelines(device, id, facts);
    }

    @Override
    public DeviceInfo info() {
        return facts.info(index, tuning);
    }

    @Override
    public Tuning tuning() {
        return tuning;
    }

    @Override
    public Capacity capacity() {
        return facts.capacity();
    }

    @Override
    public Features features() {
        return new Features(KERNELS, facts.int8() ? Spirv::int8 : type -> false, type -> false, 0);
    }

    @Override
    public Support supports(Op op) {
        for (Weight weight : op.tensors()) {
            if (!Spirv.decodes(weight.type())) {
                return Support.no(VulkanBackend.refusal(weight.type()));
            }
        }
        return Support.yes();
    }

    @Override
    public Queue<VulkanBuffer> queue(boolean profile) {
        return new VulkanQueue(this, profile);
    }

    Facts facts() {
        return facts;
    }

    VkDevice device() {
        return device;
    }

    Pipelines pipelines() {
        return pipelines;
    }

    /** The device has one queue, which all executables share. */
    synchronized void submit(VkSubmitInfo work) {
        check(vkQueueSubmit(queue, work, VK_NULL_HANDLE), "starting work");
    }

    @Override
    public boolean failure(RuntimeException thrown) {
        return thrown instanceof VulkanException;
    }

    @Override
    public boolean outOfMemory(RuntimeException thrown) {
        return thrown instanceof VulkanException failure && failure.outOfMemory();
    }

    @Override
    public void close() {
        pipelines.close();
        vkDestroyDevice(device, null);
    }
}
