package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK11.VK_PIPELINE_CREATE_DISPATCH_BASE;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.crema.kernels.DeviceException;
import org.crema.kernels.gpu.Call;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.vulkan.VkComputePipelineCreateInfo;
import org.lwjgl.vulkan.VkDescriptorSetLayoutBinding;
import org.lwjgl.vulkan.VkDescriptorSetLayoutCreateInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkPipelineLayoutCreateInfo;
import org.lwjgl.vulkan.VkPipelineShaderStageCreateInfo;
import org.lwjgl.vulkan.VkShaderModuleCreateInfo;
import org.lwjgl.vulkan.VkSpecializationInfo;
import org.lwjgl.vulkan.VkSpecializationMapEntry;

/**
 * Shaders made ready for a device; each is made when it is first needed and kept until the device is closed. All have one layout,
 * that of {@code common.glsl}: parameters, cells read, cells written, step block, constants, cache.
 */
final class Pipelines implements AutoCloseable {
    /** Bindings of a set; the first is the parameters. */
    static final int BINDINGS = 6;
    /** Where {@code common.glsl} has the size of a work-group. */
    private static final int LOCAL_SIZE = 0;
    private static final String GROUP = "GROUP";

    private final VkDevice device;
    private final String id;
    private final Facts facts;
    private final long setLayout;
    private final long layout;
    private final long cache;
    private final List<String> variants = new ArrayList<>();
    private final Map<String, Long> made = new HashMap<>();

    Pipelines(VkDevice device, String id, Facts facts) {
        this.device = device;
        this.id = id;
        this.facts = facts;
        if (facts.fp64()) {
            variants.add("FP64");
        }
        if (facts.cooperative()) {
            variants.add("COOPMAT");
        }
        if (facts.int8()) {
            variants.add("DOT8");
        }
        try (MemoryStack stack = stackPush()) {
            LongBuffer handle = stack.mallocLong(1);
            VkDescriptorSetLayoutBinding.Buffer bindings = VkDescriptorSetLayoutBinding.calloc(BINDINGS, stack);
            for (int i = 0; i < BINDINGS; i++) {
                bindings.get(i).binding(i).descriptorCount(1).stageFlags(VK_SHADER_STAGE_COMPUTE_BIT).descriptorType(i == 0
                        ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
                        : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
            }
            check(vkCreateDescriptorSetLayout(device, VkDescriptorSetLayoutCreateInfo.calloc(stack).sType$Default().pBindings(
                    bindings), null, handle), "making a descriptor set layout");
            setLayout = handle.get(0);
            check(vkCreatePipelineLayout(device, VkPipelineLayoutCreateInfo.calloc(stack).sType$Default().pSetLayouts(stack.longs(
                    setLayout)), null, handle), "making a pipeline layout");
            layout = handle.get(0);
            check(vkCreatePipelineCache(device, org.lwjgl.vulkan.VkPipelineCacheCreateInfo.calloc(stack).sType$Default(), null,
                    handle), "making a pipeline cache");
            cache = handle.get(0);
        }
    }

    long setLayout() {
        return setLayout;
    }

    long layout() {
        return layout;
    }

    /** @throws DeviceException with what the driver says, if it cannot be made */
    synchronized long get(Call call) {
        String key = call.entry() + " " + call.group() + " " + call.kernels().type() + " " + new TreeMap<>(call.kernels()
                .constants());
        return made.computeIfAbsent(key, k -> make(call));
    }

    private long make(Call call) {
        byte[] code = Spirv.of(call.kernels(), call.entry(), variants);
        ByteBuffer words = MemoryUtil.memAlloc(code.length).put(0, code);
        try (MemoryStack stack = stackPush()) {
            LongBuffer handle = stack.mallocLong(1);
            check(vkCreateShaderModule(device, VkShaderModuleCreateInfo.calloc(stack).sType$Default().pCode(words), null, handle),
                    "making a shader module");
            long module = handle.get(0);
            try {
                VkPipelineShaderStageCreateInfo stage = VkPipelineShaderStageCreateInfo.calloc(stack).sType$Default()
                        .stage(VK_SHADER_STAGE_COMPUTE_BIT).module(module).pName(stack.UTF8("main"))
                        .pSpecializationInfo(constants(call, stack));
                VkComputePipelineCreateInfo.Buffer create = VkComputePipelineCreateInfo.calloc(1, stack).sType$Default()
                        .flags(VK_PIPELINE_CREATE_DISPATCH_BASE).stage(stage).layout(layout);
                check(vkCreateComputePipelines(device, cache, create, null, handle), "making a pipeline");
                return handle.get(0);
            } finally {
                vkDestroyShaderModule(device, module, null);
            }
        } catch (VulkanException e) {
            if (e.outOfMemory()) {
                throw e;
            }
            throw new DeviceException(
                    "%s: the driver (%s) cannot build the kernel %s %s with %s: %s".formatted(id, facts.driver(),
                            call.entry(), call.kernels().name(), call.kernels().constants(), e.getMessage()),
                    e);
        } finally {
            MemoryUtil.memFree(words);
        }
    }

    private static VkSpecializationInfo constants(Call call, MemoryStack stack) {
        Map<Integer, Integer> values = new TreeMap<>();
        values.put(LOCAL_SIZE, call.group());
        values.put(Spirv.constantIds().get(GROUP), call.group());
        call.kernels().constants().forEach((name, value) -> {
            // What a tuning has for the other languages only is not declared.
            Integer constant = Spirv.constantIds().get(name);
            if (constant != null) {
                values.put(constant, value);
            }
        });
        VkSpecializationMapEntry.Buffer entries = VkSpecializationMapEntry.calloc(values.size(), stack);
        ByteBuffer data = stack.malloc(Integer.BYTES * values.size());
        values.forEach((constant, value) -> {
            entries.get().constantID(constant).offset(data.position()).size(Integer.BYTES);
            data.putInt(value);
        });
        return VkSpecializationInfo.calloc(stack).pMapEntries(entries.flip()).pData(data.flip());
    }

    @Override
    public synchronized void close() {
        made.values().forEach(pipeline -> vkDestroyPipeline(device, pipeline, null));
        made.clear();
        vkDestroyPipelineCache(device, cache, null);
        vkDestroyPipelineLayout(device, layout, null);
        vkDestroyDescriptorSetLayout(device, setLayout, null);
    }
}
