package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Part;
import org.crema.kernels.gpu.Queue;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_mem;

/** A command queue, with the buffers and launches that are used on it. */
final class OpenClQueue implements Queue<cl_mem> {
    private static final int ALIGNMENT = 64;

    private final String device;
    private final cl_context context;
    private final Programs programs;
    private final boolean profile;
    private final boolean waits;
    private final cl_command_queue queue;
    private final List<cl_mem> buffers = new ArrayList<>();
    private final List<OpenClPart> parts = new ArrayList<>();
    private final Arena host = Arena.ofShared();

    @SuppressWarnings("deprecation") // its successor is not in OpenCL 1.2
    OpenClQueue(String device, cl_context context, Facts facts, Programs programs, boolean profile) {
        this.device = device;
        this.context = context;
        this.programs = programs;
        this.profile = profile;
        this.waits = facts.waits();
        queue = clCreateCommandQueue(context, facts.handle(), profile ? CL_QUEUE_PROFILING_ENABLE : 0, null);
    }

    @Override
    public cl_mem allocate(long bytes) {
        cl_mem buffer = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, null, null);
        buffers.add(buffer);
        return buffer;
    }

    @Override
    public cl_mem map(MemorySegment memory) {
        cl_mem buffer = clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, memory.byteSize(), pointer(memory), null);
        buffers.add(buffer);
        return buffer;
    }

    @Override
    public void fill(cl_mem buffer, int word) {
        long[] bytes = new long[1];
        clGetMemObjectInfo(buffer, CL_MEM_SIZE, Long.BYTES, Pointer.to(bytes), null);
        clEnqueueFillBuffer(queue, buffer, Pointer.to(new int[] {word}), Integer.BYTES, 0, bytes[0] & -Integer.BYTES, 0, null,
                null);
    }

    @Override
    public void write(cl_mem to, long at, MemorySegment from) {
        clEnqueueWriteBuffer(queue, to, true, at, from.byteSize(), pointer(from), 0, null, null);
    }

    @Override
    public void send(cl_mem to, long at, MemorySegment from) {
        clEnqueueWriteBuffer(queue, to, waits, at, from.byteSize(), pointer(from), 0, null, null);
    }

    @Override
    public void read(cl_mem from, long at, MemorySegment to) {
        clEnqueueReadBuffer(queue, from, true, at, to.byteSize(), pointer(to), 0, null, null);
    }

    /** OpenCL 1.2 has no pinned memory that is not a buffer of the device. */
    @Override
    public MemorySegment staging(long bytes) {
        return host.allocate(bytes, ALIGNMENT);
    }

    @Override
    public Part part(List<Call> calls, Binding<cl_mem> memory) {
        OpenClPart part = new OpenClPart(device, queue, profile);
        parts.add(part);
        calls.forEach(call -> part.add(new Launch(call, programs.get(call.kernels()), memory)));
        return part;
    }

    @Override
    public void finish() {
        clFinish(queue);
    }

    @Override
    public void close() {
        clFinish(queue);
        parts.forEach(OpenClPart::release);
        buffers.forEach(buffer -> clReleaseMemObject(buffer));
        clReleaseCommandQueue(queue);
        host.close();
    }

    /**
     * The address of a segment. Calls that take it have a size of their own, so a segment may be longer than a {@code ByteBuffer}
     * can be.
     */
    private static Pointer pointer(MemorySegment segment) {
        return Pointer.to(segment.asSlice(0, Math.min(segment.byteSize(), Integer.MAX_VALUE)).asByteBuffer());
    }
}
