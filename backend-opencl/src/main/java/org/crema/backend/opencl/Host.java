package org.crema.backend.opencl;

import java.lang.foreign.MemorySegment;
import org.jocl.Pointer;

/** Native memory as the binding takes it. */
final class Host {
    private Host() {}

    /**
     * The address of a segment. Calls that take it have a size of their own, so a segment may be longer than a {@code ByteBuffer}
     * can be.
     */
    static Pointer pointer(MemorySegment segment) {
        return Pointer.to(segment.asSlice(0, Math.min(segment.byteSize(), Integer.MAX_VALUE)).asByteBuffer());
    }
}
