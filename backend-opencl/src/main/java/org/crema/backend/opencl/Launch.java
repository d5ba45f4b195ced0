package org.crema.backend.opencl;

import static org.jocl.CL.*;

import org.crema.kernels.Op;
import org.crema.kernels.Rows;
import org.crema.kernels.Step;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_event;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;

/** A kernel with its arguments, which stay as they are; only how many work-groups there are changes with the step. */
final class Launch {
    /** What work-group counts depend on. */
    static final class Counts {
        private int tokens;
        private int outputs;
        private int longest;

        void take(Step step) {
            tokens = step.tokens();
            outputs = step.outputs();
            longest = 1;
            for (int s = 0; s < step.sequences(); s++) {
                longest = Math.max(longest, step.length(s));
            }
        }

        int tokens() {
            return tokens;
        }

        /** Tokens of the longest sequence. */
        int longest() {
            return longest;
        }

        int rows(Rows rows) {
            return rows.each() * (rows.domain() == Rows.Domain.TOKENS ? tokens : outputs);
        }
    }

    /** Sets the number of work-groups in each of three dimensions; all 0 leaves the launch out of the step. */
    @FunctionalInterface
    interface Sizer {
        void groups(Counts counts, long[] groups);
    }

    private final Op op;
    private final String name;
    private final cl_kernel kernel;
    private final Sizer sizer;
    private final long[] local;
    private final long[] global = new long[3];
    private int arguments;

    /**
     * @param op it belongs to
     * @param groupSize work-items of a group, in the first dimension
     */
    Launch(Op op, String name, cl_kernel kernel, int groupSize, Sizer sizer) {
        this.op = op;
        this.name = name;
        this.kernel = kernel;
        this.sizer = sizer;
        this.local = new long[] {groupSize, 1, 1};
    }

    Op op() {
        return op;
    }

    /** What it computes, for messages. */
    String name() {
        return name;
    }

    Launch arg(cl_mem buffer) {
        return set(Sizeof.cl_mem, Pointer.to(buffer));
    }

    Launch real(float value) {
        return set(Sizeof.cl_float, Pointer.to(new float[] {value}));
    }

    /** A number of 64 bits. */
    Launch wide(long value) {
        return set(Sizeof.cl_ulong, Pointer.to(new long[] {value}));
    }

    /** A number of 32 bits, or a vector of them. */
    Launch arg(int... values) {
        return set((long) Sizeof.cl_uint * values.length, Pointer.to(values));
    }

    private Launch set(long size, Pointer value) {
        clSetKernelArg(kernel, arguments++, size, value);
        return this;
    }

    /**
     * Puts it into the queue, if this step needs it.
     *
     * @param event becomes the launch's; null if its time is not asked for
     * @return whether it was put into the queue
     */
    boolean enqueue(cl_command_queue queue, Counts counts, cl_event event) {
        sizer.groups(counts, global);
        if (global[0] == 0 || global[1] == 0 || global[2] == 0) {
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
