package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK12.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Part;
import org.crema.kernels.gpu.Queue;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.system.MemoryUtil;
import org.lwjgl.vulkan.VkBufferCopy;
import org.lwjgl.vulkan.VkCommandBuffer;
import org.lwjgl.vulkan.VkCommandBufferAllocateInfo;
import org.lwjgl.vulkan.VkCommandBufferBeginInfo;
import org.lwjgl.vulkan.VkCommandPoolCreateInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkMemoryBarrier;
import org.lwjgl.vulkan.VkSemaphoreCreateInfo;
import org.lwjgl.vulkan.VkSemaphoreTypeCreateInfo;
import org.lwjgl.vulkan.VkSemaphoreWaitInfo;
import org.lwjgl.vulkan.VkSubmitInfo;
import org.lwjgl.vulkan.VkTimelineSemaphoreSubmitInfo;

/**
 * The work of an executable: numbered command buffers, which a semaphore counts as they finish. Each starts with a barrier behind
 * all work before it.
 */
final class VulkanQueue implements Queue<VulkanBuffer> {
    private static final int ALIGNMENT = 64;
    /** Copies to and from memory that this process does not see go in pieces, filled in turns. */
    private static final long PIECE = 8 << 20;
    private static final int PIECES = 2;

    private final VulkanDriver driver;
    private final VkDevice device;
    private final boolean profile;
    private final DeviceMemory memory;
    private final long commandPool;
    private final long semaphore;
    private final List<VulkanPart> parts = new ArrayList<>();
    private final List<Copy> copies = new ArrayList<>();
    private final Arena host = Arena.ofShared();
    private int nextCopy;
    /** Number of the last work. */
    private long submitted;
    // What a submission is made of, filled in anew each time.
    private final LongBuffer signalled = MemoryUtil.memAllocLong(1);
    private final LongBuffer waited = MemoryUtil.memAllocLong(1);
    private final LongBuffer semaphores = MemoryUtil.memAllocLong(1);
    private final PointerBuffer commands = MemoryUtil.memAllocPointer(1);
    private final VkTimelineSemaphoreSubmitInfo timeline = VkTimelineSemaphoreSubmitInfo.calloc().sType$Default()
            .pSignalSemaphoreValues(signalled);
    private final VkSubmitInfo submission;
    private final VkSemaphoreWaitInfo wait;
    private final VkMemoryBarrier.Buffer everything = VkMemoryBarrier.calloc(1).sType$Default().srcAccessMask(
            VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT).dstAccessMask(
                    VK_ACCESS_SHADER_READ_BIT
                            | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_UNIFORM_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT
                            | VK_ACCESS_TRANSFER_WRITE_BIT);
    private final VkMemoryBarrier.Buffer toHost = VkMemoryBarrier.calloc(1).sType$Default().srcAccessMask(
            VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT).dstAccessMask(VK_ACCESS_HOST_READ_BIT);

    /** Commands that use a piece of staging memory, and the number of the work that last did. */
    private static final class Copy {
        private final VkCommandBuffer commands;
        private VulkanBuffer staging;
        private long last;

        Copy(VkCommandBuffer commands) {
            this.commands = commands;
        }
    }

    VulkanQueue(VulkanDriver driver, boolean profile) {
        this.driver = driver;
        this.profile = profile;
        device = driver.device();
        memory = new DeviceMemory(device, driver.facts());
        try (MemoryStack stack = stackPush()) {
            LongBuffer handle = stack.mallocLong(1);
            check(vkCreateCommandPool(device,
                    VkCommandPoolCreateInfo.calloc(stack).sType$Default().queueFamilyIndex(driver.facts()
                            .family()).flags(VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT),
                    null, handle), "making a command pool");
            commandPool = handle.get(0);
            VkSemaphoreTypeCreateInfo type = VkSemaphoreTypeCreateInfo.calloc(stack).sType$Default().semaphoreType(
                    VK_SEMAPHORE_TYPE_TIMELINE);
            check(vkCreateSemaphore(device, VkSemaphoreCreateInfo.calloc(stack).sType$Default().pNext(type.address()), null,
                    handle), "making a semaphore");
            semaphore = handle.get(0);
        }
        semaphores.put(0, semaphore);
        submission = VkSubmitInfo.calloc().sType$Default().pNext(timeline.address()).pCommandBuffers(commands).pSignalSemaphores(
                semaphores);
        wait = VkSemaphoreWaitInfo.calloc().sType$Default().semaphoreCount(1).pSemaphores(semaphores).pValues(waited);
        for (int i = 0; i < PIECES; i++) {
            copies.add(new Copy(commandBuffer()));
        }
    }

    VkCommandBuffer commandBuffer() {
        try (MemoryStack stack = stackPush()) {
            PointerBuffer handle = stack.mallocPointer(1);
            check(vkAllocateCommandBuffers(device, VkCommandBufferAllocateInfo.calloc(stack).sType$Default().commandPool(
                    commandPool).level(VK_COMMAND_BUFFER_LEVEL_PRIMARY).commandBufferCount(1), handle),
                    "making a command buffer");
            return new VkCommandBuffer(handle.get(0), device);
        }
    }

    /** Starts to record; the first thing is to wait for all work before. */
    void begin(VkCommandBuffer buffer) {
        try (MemoryStack stack = stackPush()) {
            check(vkBeginCommandBuffer(buffer, VkCommandBufferBeginInfo.calloc(stack).sType$Default()), "recording");
        }
        int stages = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
        vkCmdPipelineBarrier(buffer, stages, stages, 0, everything, null, null);
    }

    /** Ends recording; this process sees what was written. */
    void end(VkCommandBuffer buffer) {
        vkCmdPipelineBarrier(buffer, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
                VK_PIPELINE_STAGE_HOST_BIT, 0, toHost, null, null);
        check(vkEndCommandBuffer(buffer), "recording");
    }

    /** Starts recorded commands; returns the number to wait for. */
    long submit(VkCommandBuffer buffer) {
        signalled.put(0, submitted + 1);
        commands.put(0, buffer.address());
        driver.submit(submission);
        return ++submitted;
    }

    /** Waits until work of a number is done. */
    void await(long number) {
        if (number > 0) {
            waited.put(0, number);
            check(vkWaitSemaphores(device, wait, -1L), "waiting");
        }
    }

    @Override
    public VulkanBuffer allocate(long bytes) {
        return memory.allocate(bytes, driver.facts().local());
    }

    @Override
    public VulkanBuffer map(MemorySegment segment) {
        return memory.map(segment);
    }

    @Override
    public void fill(VulkanBuffer buffer, int word) {
        Copy copy = next();
        begin(copy.commands);
        vkCmdFillBuffer(copy.commands, buffer.handle(), 0, buffer.bytes() & -Integer.BYTES, word);
        end(copy.commands);
        copy.last = submit(copy.commands);
    }

    /** Commands that may be recorded anew. */
    private Copy next() {
        Copy copy = copies.get(nextCopy);
        nextCopy = (nextCopy + 1) % PIECES;
        await(copy.last);
        return copy;
    }

    private MemorySegment staging(Copy copy) {
        if (copy.staging == null) {
            copy.staging = memory.allocate(PIECE, driver.facts().staging());
        }
        return copy.staging.mapped().orElseThrow();
    }

    @Override
    public void write(VulkanBuffer to, long at, MemorySegment from) {
        if (to.mapped().isPresent()) {
            finish();
            MemorySegment.copy(from, 0, to.mapped().get(), at, from.byteSize());
            return;
        }
        for (long done = 0; done < from.byteSize(); done += PIECE) {
            long bytes = Math.min(PIECE, from.byteSize() - done);
            Copy copy = next();
            MemorySegment.copy(from, done, staging(copy), 0, bytes);
            copy(copy, copy.staging, 0, to, at + done, bytes);
        }
    }

    @Override
    public void read(VulkanBuffer from, long at, MemorySegment to) {
        if (from.mapped().isPresent()) {
            finish();
            MemorySegment.copy(from.mapped().get(), at, to, 0, to.byteSize());
            return;
        }
        for (long done = 0; done < to.byteSize(); done += PIECE) {
            long bytes = Math.min(PIECE, to.byteSize() - done);
            Copy copy = next();
            staging(copy);
            copy(copy, from, at + done, copy.staging, 0, bytes);
            await(copy.last);
            MemorySegment.copy(staging(copy), 0, to, done, bytes);
        }
    }

    private void copy(Copy copy, VulkanBuffer from, long fromAt, VulkanBuffer to, long toAt, long bytes) {
        begin(copy.commands);
        try (MemoryStack stack = stackPush()) {
            vkCmdCopyBuffer(copy.commands, from.handle(), to.handle(), VkBufferCopy.calloc(1, stack).srcOffset(fromAt).dstOffset(
                    toAt).size(bytes));
        }
        end(copy.commands);
        copy.last = submit(copy.commands);
    }

    @Override
    public MemorySegment staging(long bytes) {
        return host.allocate(bytes, ALIGNMENT);
    }

    @Override
    public Part part(List<Call> calls, Binding<VulkanBuffer> binding) {
        VulkanPart part = new VulkanPart(driver, this, calls, binding, profile);
        parts.add(part);
        return part;
    }

    @Override
    public void finish() {
        await(submitted);
    }

    @Override
    public void close() {
        try {
            finish();
        } finally {
            parts.forEach(VulkanPart::release);
            memory.close();
            vkDestroyCommandPool(device, commandPool, null);
            vkDestroySemaphore(device, semaphore, null);
            timeline.free();
            submission.free();
            wait.free();
            everything.free();
            toHost.free();
            MemoryUtil.memFree(signalled);
            MemoryUtil.memFree(waited);
            MemoryUtil.memFree(semaphores);
            MemoryUtil.memFree(commands);
            host.close();
        }
    }
}
