package org.crema.kernels.conformance;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;

/** Memory on Linux that ends in front of a page that nobody may read. */
public final class Fence implements AutoCloseable {
    private static final long PAGE = 4096;
    private static final long PROT_NONE = 0;
    private static final long PROT_READ_WRITE = 3;
    private static final long MAP_PRIVATE_ANONYMOUS = 0x22;

    private final long start;
    private final long room;

    /** Room for so many bytes. */
    public Fence(long bytes) {
        room = (bytes + PAGE - 1) / PAGE * PAGE;
        start = call("mmap", 0L, room + PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1L, 0L);
        if (start == -1 || call("mprotect", start + room, PAGE, PROT_NONE) != 0) {
            throw new IllegalStateException("no fence");
        }
    }

    /** Copies bytes to the end of the room, and gives their address. */
    public long put(MemorySegment bytes) {
        long at = start + room - bytes.byteSize();
        MemorySegment.ofAddress(at).reinterpret(bytes.byteSize()).copyFrom(bytes);
        return at;
    }

    @Override
    public void close() {
        if (call("munmap", start, room + PAGE) != 0) {
            throw new IllegalStateException("the fence stays");
        }
    }

    private static long call(String name, Object... numbers) {
        Linker linker = Linker.nativeLinker();
        ValueLayout[] types = Collections.nCopies(numbers.length, ValueLayout.JAVA_LONG).toArray(ValueLayout[]::new);
        try {
            return (long) linker.downcallHandle(linker.defaultLookup().findOrThrow(name),
                    FunctionDescriptor.of(ValueLayout.JAVA_LONG, types)).invokeWithArguments(numbers);
        } catch (Throwable e) {
            throw new IllegalStateException(name, e);
        }
    }
}
