package org.crema.backend.vulkan;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Memory of the device that shaders see.
 *
 * @param handle the buffer
 * @param bytes its size
 * @param address where shaders find its first byte
 * @param mapped its bytes, where this process sees them
 */
record VulkanBuffer(long handle, long bytes, long address, Optional<MemorySegment> mapped) {}
