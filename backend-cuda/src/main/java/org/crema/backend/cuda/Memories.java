package org.crema.backend.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;

/** Addresses: JCuda hides those of its pointers from all but subclasses. */
final class Memories {
    private Memories() {}

    /** Memory of the device. */
    static final class OnDevice extends CUdeviceptr {
        private final long bytes;

        /** @param bytes of the allocation that will be put here */
        OnDevice(long bytes) {
            this.bytes = bytes;
        }

        long bytes() {
            return bytes;
        }

        long address() {
            return getNativePointer() + getByteOffset();
        }

        /** A pointer to a byte of it. */
        CUdeviceptr at(long offset) {
            return offset == 0 ? this : withByteOffset(offset);
        }
    }

    /** Memory of this process that the device can copy by itself. */
    static final class Pinned extends Pointer {
        MemorySegment segment(long bytes) {
            return MemorySegment.ofAddress(getNativePointer()).reinterpret(bytes);
        }
    }

    /**
     * The address of a native segment. Calls that take it have a size of their own, so a segment may be longer than a
     * {@code ByteBuffer} can be.
     */
    static Pointer pointer(MemorySegment segment) {
        return Pointer.to(segment.asSlice(0, Math.min(segment.byteSize(), Integer.MAX_VALUE)).asByteBuffer());
    }
}
