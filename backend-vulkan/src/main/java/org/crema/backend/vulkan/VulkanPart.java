package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK11.vkCmdDispatchBase;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.crema.kernels.DeviceException;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Call.Argument;
import org.crema.kernels.gpu.Counts;
import org.crema.kernels.gpu.Part;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.vulkan.VkCommandBuffer;
import org.lwjgl.vulkan.VkDescriptorBufferInfo;
import org.lwjgl.vulkan.VkDescriptorPoolCreateInfo;
import org.lwjgl.vulkan.VkDescriptorPoolSize;
import org.lwjgl.vulkan.VkDescriptorSetAllocateInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkMemoryBarrier;
import org.lwjgl.vulkan.VkQueryPoolCreateInfo;
import org.lwjgl.vulkan.VkWriteDescriptorSet;

/**
 * Calls as command buffers. The numbers of work-groups are part of the commands, so there is one for each list of numbers that steps
 * have; those that were used last are kept. While tokens come one by one it changes with the parts of attention only.
 */
class VulkanPart implements Part {
    /** Command buffers that are kept. */
    private static final int MOST_RECORDED = 8;

    private final VulkanDriver driver;
    private final VkDevice device;
    private final VulkanQueue queue;
    private final boolean profile;
    private final List<Call> calls;
    private final long[] pipelines;
    private final long[] sets;
    private final long pool;
    /** Work-groups of each call in this step, three numbers each. */
    private final long[] groups;
    private final long[] size = new long[3];
    /** Last used first. */
    private final List<Recorded> recorded = new ArrayList<>();
    private final VkMemoryBarrier.Buffer barrier = VkMemoryBarrier.calloc(1).sType$Default().srcAccessMask(
            VK_ACCESS_SHADER_WRITE_BIT).dstAccessMask(VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
    /** Of each call, since times were last taken. */
    private final long[] nanos;

    /** Commands for the numbers of work-groups in `groups`. */
    private static final class Recorded {
        private final VkCommandBuffer commands;
        private final long[] groups;
        /** Two timestamps for each call; 0 if times are not taken. */
        private final long queries;
        /** Number of the work that last used it. */
        private long last;
        /** Whether its timestamps were not taken yet. */
        private boolean timed;

        Recorded(VkCommandBuffer commands, long[] groups, long queries) {
            this.commands = commands;
            this.groups = groups;
            this.queries = queries;
        }
    }

    VulkanPart(VulkanDriver driver, VulkanQueue queue, List<Call> calls, Binding<VulkanBuffer> binding, boolean profile) {
        this.driver = driver;
        this.queue = queue;
        this.calls = List.copyOf(calls);
        this.profile = profile && driver.facts().nanosPerTick() > 0;
        device = driver.device();
        pipelines = new long[calls.size()];
        sets = new long[calls.size()];
        groups = new long[3 * calls.size()];
        nanos = new long[calls.size()];
        for (int i = 0; i < pipelines.length; i++) {
            pipelines[i] = driver.pipelines().get(calls.get(i));
        }
        pool = calls.isEmpty() ? 0 : pool(calls.size());
        if (!calls.isEmpty()) {
            try {
                describe(binding);
            } catch (RuntimeException | Error e) {
                release();
                throw e;
            }
        }
    }

    private long pool(int count) {
        try (MemoryStack stack = stackPush()) {
            VkDescriptorPoolSize.Buffer sizes = VkDescriptorPoolSize.calloc(2, stack);
            sizes.get(0).type(VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER).descriptorCount(count);
            sizes.get(1).type(VK_DESCRIPTOR_TYPE_STORAGE_BUFFER).descriptorCount((Pipelines.BINDINGS - 1) * count);
            LongBuffer handle = stack.mallocLong(1);
            check(vkCreateDescriptorPool(device, VkDescriptorPoolCreateInfo.calloc(stack).sType$Default().maxSets(count)
                    .pPoolSizes(sizes), null, handle), "making a descriptor pool");
            return handle.get(0);
        }
    }

    /** Writes the parameters of all calls, and which memory each sees. */
    private void describe(Binding<VulkanBuffer> binding) {
        Parameters.Block[] blocks = new Parameters.Block[calls.size()];
        long bytes = 0;
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = Parameters.of(calls.get(i), bytes, binding);
            bytes = blocks[i].end();
        }
        VulkanBuffer parameters = queue.allocate(bytes);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(bytes, 16);
            for (Parameters.Block block : blocks) {
                block.write(memory);
            }
            queue.write(parameters, 0, memory);
        }
        for (int i = 0; i < blocks.length; i++) {
            try (MemoryStack stack = stackPush()) {
                LongBuffer handle = stack.mallocLong(1);
                check(vkAllocateDescriptorSets(device, VkDescriptorSetAllocateInfo.calloc(stack).sType$Default().descriptorPool(
                        pool).pSetLayouts(stack.longs(driver.pipelines().setLayout())), handle), "making a descriptor set");
                sets[i] = handle.get(0);
                VulkanBuffer arena = binding.shared(Argument.Shared.ARENA);
                Optional<VulkanBuffer> pages = calls.get(i).arguments().stream().filter(Argument.Pages.class::isInstance).map(
                        pages1 -> binding.cache(((Argument.Pages) pages1).cache())).findFirst();
                VkWriteDescriptorSet.Buffer writes = VkWriteDescriptorSet.calloc(Pipelines.BINDINGS, stack);
                bind(writes, 0, parameters, blocks[i].at(), blocks[i].bytes(), stack);
                bind(writes, 1, arena, 0, arena.bytes(), stack);
                bind(writes, 2, arena, 0, arena.bytes(), stack);
                VulkanBuffer step = binding.shared(Argument.Shared.STEP);
                bind(writes, 3, step, 0, step.bytes(), stack);
                VulkanBuffer constants = binding.shared(Argument.Shared.CONSTANTS);
                bind(writes, 4, constants, 0, constants.bytes(), stack);
                if (pages.isPresent()) {
                    bind(writes, 5, pages.get(), 0, pages.get().bytes(), stack);
                }
                for (int w = 0; w < writes.position(); w++) {
                    writes.get(w).dstSet(sets[i]);
                }
                vkUpdateDescriptorSets(device, writes.flip(), null);
            }
        }
    }

    private static void bind(VkWriteDescriptorSet.Buffer writes, int slot, VulkanBuffer buffer, long from, long bytes,
            MemoryStack stack) {
        writes.get().sType$Default().dstBinding(slot).descriptorCount(1).descriptorType(slot == 0
                ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
                : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER).pBufferInfo(VkDescriptorBufferInfo.calloc(1, stack).buffer(buffer.handle())
                        .offset(from).range(bytes));
    }

    @Override
    public void run(Counts counts) {
        boolean any = false;
        for (int i = 0; i < pipelines.length; i++) {
            boolean needed = calls.get(i).groups(counts, size);
            for (int d = 0; d < 3; d++) {
                groups[3 * i + d] = needed ? size[d] : 0;
            }
            any |= needed;
        }
        if (any) {
            Recorded commands = recorded();
            collect(commands);
            // Commands must not be started while they run.
            queue.await(commands.last);
            commands.last = queue.submit(commands.commands);
            commands.timed = profile;
        }
    }

    private Recorded recorded() {
        for (int i = 0; i < recorded.size(); i++) {
            if (Arrays.equals(recorded.get(i).groups, groups)) {
                Recorded found = recorded.remove(i);
                recorded.addFirst(found);
                return found;
            }
        }
        VkCommandBuffer commands;
        long queries;
        if (recorded.size() == MOST_RECORDED) {
            Recorded oldest = recorded.removeLast();
            collect(oldest);
            queue.await(oldest.last);
            commands = oldest.commands;
            queries = oldest.queries;
        } else {
            commands = queue.commandBuffer();
            queries = profile ? queries() : 0;
        }
        Recorded made = new Recorded(commands, groups.clone(), queries);
        record(made);
        recorded.addFirst(made);
        return made;
    }

    private long queries() {
        try (MemoryStack stack = stackPush()) {
            LongBuffer handle = stack.mallocLong(1);
            check(vkCreateQueryPool(device, VkQueryPoolCreateInfo.calloc(stack).sType$Default().queryType(VK_QUERY_TYPE_TIMESTAMP)
                    .queryCount(2 * pipelines.length), null, handle), "making a query pool");
            return handle.get(0);
        }
    }

    private void record(Recorded made) {
        VkCommandBuffer commands = made.commands;
        queue.begin(commands);
        if (profile) {
            vkCmdResetQueryPool(commands, made.queries, 0, 2 * pipelines.length);
        }
        boolean first = true;
        long bound = 0;
        try (MemoryStack stack = stackPush()) {
            LongBuffer set = stack.mallocLong(1);
            for (int i = 0; i < pipelines.length; i++) {
                if (made.groups[3 * i] == 0) {
                    continue;
                }
                if (!first) {
                    between(commands);
                }
                first = false;
                if (profile) {
                    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, made.queries, 2 * i);
                }
                if (pipelines[i] != bound) {
                    bound = pipelines[i];
                    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, bound);
                }
                vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, driver.pipelines().layout(), 0, set.put(0,
                        sets[i]), null);
                dispatch(commands, made.groups[3 * i], made.groups[3 * i + 1], made.groups[3 * i + 2]);
                if (profile) {
                    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, made.queries, 2 * i + 1);
                }
            }
        }
        queue.end(commands);
    }

    /** Between two launches: the second sees what the first wrote. */
    void between(VkCommandBuffer commands) {
        vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, barrier,
                null,
                null);
    }

    /** In the first dimension a device may take fewer work-groups at once than a matrix has rows. */
    private void dispatch(VkCommandBuffer commands, long x, long y, long z) {
        long most = driver.facts().maxGroups();
        // Synchronisation validation looks at this call, and not at the one with a base.
        vkCmdDispatch(commands, (int) Math.min(most, x), (int) y, (int) z);
        for (long from = most; from < x; from += most) {
            vkCmdDispatchBase(commands, (int) from, 0, 0, (int) Math.min(most, x - from), (int) y, (int) z);
        }
    }

    /** Adds the times of the last run, which may still be running. */
    private void collect(Recorded done) {
        if (!done.timed) {
            return;
        }
        queue.await(done.last);
        done.timed = false;
        LongBuffer ticks = MemoryUtil.memAllocLong(2);
        try {
            for (int i = 0; i < pipelines.length; i++) {
                if (done.groups[3 * i] > 0) {
                    check(vkGetQueryPoolResults(device, done.queries, 2 * i, 2, ticks, Long.BYTES, VK_QUERY_RESULT_64_BIT
                            | VK_QUERY_RESULT_WAIT_BIT), "reading timestamps");
                    nanos[i] += (long) ((ticks.get(1) - ticks.get(0)) * (double) driver.facts().nanosPerTick());
                }
            }
        } finally {
            MemoryUtil.memFree(ticks);
        }
    }

    @Override
    public void addTimes(long[] sums) {
        recorded.forEach(this::collect);
        for (int i = 0; i < nanos.length; i++) {
            sums[i] += nanos[i];
            nanos[i] = 0;
        }
    }

    /** All work has to be done. Command buffers go with the queue's pool. */
    void release() {
        for (Recorded made : recorded) {
            if (made.queries != 0) {
                vkDestroyQueryPool(device, made.queries, null);
            }
        }
        recorded.clear();
        if (pool != 0) {
            vkDestroyDescriptorPool(device, pool, null);
        }
        barrier.free();
    }
}
