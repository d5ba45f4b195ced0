package org.crema.backend.opencl;

import static org.jocl.CL.CL_MEM_READ_WRITE;
import static org.jocl.CL.CL_PROFILING_COMMAND_END;
import static org.jocl.CL.CL_PROFILING_COMMAND_START;
import static org.jocl.CL.CL_QUEUE_PROFILING_ENABLE;
import static org.jocl.CL.clCreateBuffer;
import static org.jocl.CL.clCreateCommandQueue;
import static org.jocl.CL.clCreateKernel;
import static org.jocl.CL.clEnqueueFillBuffer;
import static org.jocl.CL.clEnqueueNDRangeKernel;
import static org.jocl.CL.clFinish;
import static org.jocl.CL.clReleaseCommandQueue;
import static org.jocl.CL.clReleaseEvent;
import static org.jocl.CL.clReleaseKernel;
import static org.jocl.CL.clReleaseMemObject;
import static org.jocl.CL.clSetKernelArg;

import org.crema.kernels.Rates;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_event;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jocl.cl_program;

/** Measures what a device reaches, by its own clock. */
final class Roofline {
    /** Of the buffer that is read, where the device allows it: more than the caches hold. */
    private static final long MOST_BYTES = 256L << 20;
    private static final int GROUP = 64;
    /** Cells that a work-item reads, as vectors of four. */
    private static final int READS = 64;
    private static final int TURNS = 4096;
    /** Operations of a work-item in a turn: four chains of sixteen multiply-adds. */
    private static final int FLOPS = 2 * 4 * 16;
    private static final int GROUPS_PER_UNIT = 64;
    private static final int ROUNDS = 6;

    private final cl_context context;
    private final Facts facts;
    private final Programs programs;

    Roofline(cl_context context, Facts facts, Programs programs) {
        this.context = context;
        this.facts = facts;
        this.programs = programs;
    }

    @SuppressWarnings("deprecation") // its successor is not in OpenCL 1.2
    Rates measure() {
        cl_program program = programs.get("roofline", "", () -> Sources.of("roofline/roofline.cl"));
        long unit = 16L * READS * GROUP;
        long bytes = Math.min(MOST_BYTES, facts.maxAllocation()) / unit * unit;
        long groups = (long) GROUPS_PER_UNIT * facts.units();
        cl_mem cells = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, null, null);
        cl_command_queue queue = clCreateCommandQueue(context, facts.handle(), CL_QUEUE_PROFILING_ENABLE, null);
        try {
            clEnqueueFillBuffer(queue, cells, Pointer.to(new int[1]), 4, 0, bytes, 0, null, null);
            double reading = best(queue, program, "read_all", cells, READS, bytes / (16L * READS));
            double computing = best(queue, program, "multiply_adds", cells, TURNS, groups * GROUP);
            return new Rates(bytes / reading, (double) FLOPS * TURNS * groups * GROUP / computing);
        } finally {
            clFinish(queue);
            clReleaseCommandQueue(queue);
            clReleaseMemObject(cells);
        }
    }

    /** Seconds of the quickest run. */
    private static double best(cl_command_queue queue, cl_program program, String name, cl_mem cells, int turns, long items) {
        cl_kernel kernel = clCreateKernel(program, name, null);
        try {
            clSetKernelArg(kernel, 0, Sizeof.cl_mem, Pointer.to(cells));
            clSetKernelArg(kernel, 1, Sizeof.cl_uint, Pointer.to(new int[] {turns}));
            double best = Double.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                cl_event event = new cl_event();
                clEnqueueNDRangeKernel(queue, kernel, 1, null, new long[] {items}, new long[] {GROUP}, 0, null, event);
                clFinish(queue);
                best = Math.min(best, 1e-9 * (Profiler.time(event, CL_PROFILING_COMMAND_END) - Profiler.time(event,
                        CL_PROFILING_COMMAND_START)));
                clReleaseEvent(event);
            }
            return best;
        } finally {
            clReleaseKernel(kernel);
        }
    }
}
