package org.crema.backend.vulkan;

import static org.crema.backend.vulkan.VulkanException.check;
import static org.lwjgl.system.MemoryStack.stackPush;
import static org.lwjgl.vulkan.EXTExternalMemoryHost.VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
import static org.lwjgl.vulkan.EXTExternalMemoryHost.vkGetMemoryHostPointerPropertiesEXT;
import static org.lwjgl.vulkan.VK10.*;
import static org.lwjgl.vulkan.VK11.VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
import static org.lwjgl.vulkan.VK12.*;

import java.lang.foreign.MemorySegment;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.lwjgl.PointerBuffer;
import org.lwjgl.system.MemoryStack;
import org.lwjgl.vulkan.VkBufferCreateInfo;
import org.lwjgl.vulkan.VkBufferDeviceAddressInfo;
import org.lwjgl.vulkan.VkDevice;
import org.lwjgl.vulkan.VkExternalMemoryBufferCreateInfo;
import org.lwjgl.vulkan.VkImportMemoryHostPointerInfoEXT;
import org.lwjgl.vulkan.VkMemoryAllocateFlagsInfo;
import org.lwjgl.vulkan.VkMemoryAllocateInfo;
import org.lwjgl.vulkan.VkMemoryHostPointerPropertiesEXT;
import org.lwjgl.vulkan.VkMemoryRequirements;

/**
 * Buffers and what they lie in. A large buffer has memory of its own, small ones share a block, since drivers allow some thousand
 * pieces only.
 */
final class DeviceMemory implements AutoCloseable {
    private static final long BLOCK = 1 << 20;
    private static final int USAGE = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT
            | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;

    private final VkDevice device;
    private final Facts facts;
    private final List<Long> pieces = new ArrayList<>();
    private final List<Long> buffers = new ArrayList<>();
    /** The block that small buffers go to, and where the next one may start. */
    private Piece block;
    private long used;

    /** A piece of memory; mapped is its first byte here, 0 if this process does not see it. */
    private record Piece(long handle, Facts.MemoryType type, long mapped) {}

    DeviceMemory(VkDevice device, Facts facts) {
        this.device = device;
        this.facts = facts;
    }

    VulkanBuffer allocate(long bytes, Facts.MemoryType type) {
        try (MemoryStack stack = stackPush()) {
            VkBufferCreateInfo create = VkBufferCreateInfo.calloc(stack).sType$Default().size(bytes).usage(USAGE).sharingMode(
                    VK_SHARING_MODE_EXCLUSIVE);
            long buffer = buffer(create, stack);
            VkMemoryRequirements need = VkMemoryRequirements.calloc(stack);
            vkGetBufferMemoryRequirements(device, buffer, need);
            if ((need.memoryTypeBits() & 1 << type.index()) == 0) {
                throw new IllegalStateException("buffers cannot lie in memory of type " + type);
            }
            Piece piece;
            long at = 0;
            if (need.size() >= BLOCK / 2) {
                piece = piece(need.size(), type, stack);
            } else {
                at = Math.ceilDiv(used, need.alignment()) * need.alignment();
                if (block == null || !block.type().equals(type) || at + need.size() > BLOCK) {
                    block = piece(BLOCK, type, stack);
                    at = 0;
                }
                piece = block;
                used = at + need.size();
            }
            check(vkBindBufferMemory(device, buffer, piece.handle(), at), "binding memory");
            return new VulkanBuffer(buffer, bytes, address(buffer, stack), piece.mapped() == 0
                    ? Optional.empty()
                    : Optional.of(MemorySegment.ofAddress(piece.mapped() + at).reinterpret(bytes)));
        }
    }

    /**
     * Memory of this process as the device sees it. Whole pages are imported; the first may start before the segment and the last
     * end behind it.
     */
    VulkanBuffer map(MemorySegment memory) {
        long alignment = facts.hostAlignment();
        long from = memory.address() / alignment * alignment;
        long bytes = Math.ceilDiv(memory.address() + memory.byteSize() - from, alignment) * alignment;
        int handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;
        try (MemoryStack stack = stackPush()) {
            VkExternalMemoryBufferCreateInfo external = VkExternalMemoryBufferCreateInfo.calloc(stack)
                    .sType(VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO).handleTypes(handleType);
            long buffer = buffer(
                    VkBufferCreateInfo.calloc(stack).sType$Default().pNext(external.address()).size(bytes).usage(USAGE)
                            .sharingMode(VK_SHARING_MODE_EXCLUSIVE),
                    stack);
            VkMemoryRequirements need = VkMemoryRequirements.calloc(stack);
            vkGetBufferMemoryRequirements(device, buffer, need);
            VkMemoryHostPointerPropertiesEXT pointer = VkMemoryHostPointerPropertiesEXT.calloc(stack).sType$Default();
            check(vkGetMemoryHostPointerPropertiesEXT(device, handleType, from, pointer), "looking at mapped memory");
            int types = need.memoryTypeBits() & pointer.memoryTypeBits();
            if (types == 0 || need.size() > bytes) {
                throw new IllegalStateException(
                        "mapped memory of " + bytes + " bytes cannot be a buffer: types " + types + ", needs "
                                + need.size() + " bytes");
            }
            VkImportMemoryHostPointerInfoEXT imported = VkImportMemoryHostPointerInfoEXT.calloc(stack).sType$Default().handleType(
                    handleType).pHostPointer(from);
            long piece = piece(bytes, Integer.numberOfTrailingZeros(types), imported.address(), stack);
            check(vkBindBufferMemory(device, buffer, piece, 0), "binding mapped memory");
            return new VulkanBuffer(buffer, bytes, address(buffer, stack) + memory.address() - from, Optional.empty());
        }
    }

    private long buffer(VkBufferCreateInfo create, MemoryStack stack) {
        LongBuffer handle = stack.mallocLong(1);
        check(vkCreateBuffer(device, create, null, handle), "making a buffer of " + create.size() + " bytes");
        buffers.add(handle.get(0));
        return handle.get(0);
    }

    private long address(long buffer, MemoryStack stack) {
        return vkGetBufferDeviceAddress(device, VkBufferDeviceAddressInfo.calloc(stack).sType$Default().buffer(buffer));
    }

    private Piece piece(long bytes, Facts.MemoryType type, MemoryStack stack) {
        long handle = piece(bytes, type.index(), 0, stack);
        long mapped = 0;
        if (type.mapped()) {
            PointerBuffer at = stack.mallocPointer(1);
            check(vkMapMemory(device, handle, 0, bytes, 0, at), "mapping memory");
            mapped = at.get(0);
        }
        return new Piece(handle, type, mapped);
    }

    private long piece(long bytes, int type, long imported, MemoryStack stack) {
        VkMemoryAllocateFlagsInfo flags = VkMemoryAllocateFlagsInfo.calloc(stack).sType$Default().flags(
                VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT).pNext(imported);
        LongBuffer handle = stack.mallocLong(1);
        check(vkAllocateMemory(device, VkMemoryAllocateInfo.calloc(stack).sType$Default().pNext(flags.address()).allocationSize(
                bytes).memoryTypeIndex(type), null, handle), "allocating " + bytes + " bytes");
        pieces.add(handle.get(0));
        return handle.get(0);
    }

    @Override
    public void close() {
        buffers.forEach(buffer -> vkDestroyBuffer(device, buffer, null));
        pieces.forEach(piece -> vkFreeMemory(device, piece, null));
        buffers.clear();
        pieces.clear();
    }
}
