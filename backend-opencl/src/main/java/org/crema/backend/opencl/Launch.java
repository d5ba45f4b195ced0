package org.crema.backend.opencl;

import static org.jocl.CL.clCreateKernel;
import static org.jocl.CL.clEnqueueNDRangeKernel;
import static org.jocl.CL.clReleaseKernel;
import static org.jocl.CL.clSetKernelArg;

import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Call.Argument;
import org.crema.kernels.gpu.Counts;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_event;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jocl.cl_program;

/** A call as a kernel object of its own, with its arguments set. */
final class Launch {
    private final Call call;
    private final cl_kernel kernel;
    private final long[] local;
    private final long[] global = new long[3];

    Launch(Call call, cl_program program, Binding<cl_mem> memory) {
        this.call = call;
        this.local = new long[] {call.group(), 1, 1};
        kernel = clCreateKernel(program, call.entry(), null);
        try {
            for (int i = 0; i < call.arguments().size(); i++) {
                set(i, call.arguments().get(i), memory);
            }
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    private void set(int index, Argument argument, Binding<cl_mem> memory) {
        switch (argument) {
            case Argument.Shared shared -> set(index, Sizeof.cl_mem, Pointer.to(memory.shared(shared)));
            case Argument.Tensor tensor -> set(index, Sizeof.cl_mem, Pointer.to(memory.weight(tensor.weight())));
            case Argument.Pages pages -> set(index, Sizeof.cl_mem, Pointer.to(memory.cache(pages.cache())));
            case Argument.Ints ints -> set(index, (long) Sizeof.cl_uint * ints.values().size(), Pointer.to(ints.values().stream()
                    .mapToInt(Integer::intValue).toArray()));
            case Argument.Wide wide -> set(index, Sizeof.cl_ulong, Pointer.to(new long[] {wide.value()}));
            case Argument.Real real -> set(index, Sizeof.cl_float, Pointer.to(new float[] {real.value()}));
        }
    }

    private void set(int index, long size, Pointer value) {
        clSetKernelArg(kernel, index, size, value);
    }

    /** What it computes, for messages. */
    String name() {
        return call.name();
    }

    /**
     * Puts it into the queue, if this step needs it.
     *
     * @param event becomes the launch's; null if its time is not asked for
     * @return whether it was put into the queue
     */
    boolean enqueue(cl_command_queue queue, Counts counts, cl_event event) {
        if (!call.groups(counts, global)) {
            return false;
        }
        global[0] *= local[0];
        clEnqueueNDRangeKernel(queue, kernel, 3, null, global, local, 0, null, event);
        return true;
    }

    void release() {
        clReleaseKernel(kernel);
    }
}
