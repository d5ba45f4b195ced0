package org.crema.backend.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;

/** Addresses: JCuda hides those of its pointers from all but subclasses. */
final class Memories {
    private Memories() {}

    /** What the driver has allocated on the device. */
    static final class Allocation extends CUdeviceptr {
        long address() {
            return getNativePointer() + getByteOffset();
        }
    }

    /** Memory of the device: a part of an allocation, or all of it. */
    record OnDevice(Allocation allocation, long first, long bytes) {
        long address() {
            return allocation.address() + first;
        }

        /** A pointer to a byte of it. */
        CUdeviceptr at(long offset) {
            return first + offset == 0 ? allocation : allocation.withByteOffset(first + offset);
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
