package org.crema.backend.opencl;

import static org.jocl.CL.CL_PROFILING_COMMAND_END;
import static org.jocl.CL.CL_PROFILING_COMMAND_START;
import static org.jocl.CL.clGetEventProfilingInfo;
import static org.jocl.CL.clReleaseEvent;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.crema.kernels.Op;
import org.crema.kernels.Stopwatch;
import org.crema.kernels.Timing;
import org.crema.kernels.gpu.Counts;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_event;

/** Takes the times of launches by the device's own clock; launches of one op are one piece. */
final class Profiler implements AutoCloseable {
    private final Stopwatch stopwatch = new Stopwatch();
    private final IdentityHashMap<Launch, Integer> pieces = new IdentityHashMap<>();
    private final List<Pending> pending = new ArrayList<>();

    private record Pending(Launch launch, cl_event event) {}

    Profiler(List<List<Launch>> parts) {
        for (int part = 0; part < parts.size(); part++) {
            Op before = null;
            int piece = -1;
            for (Launch launch : parts.get(part)) {
                if (!launch.op().equals(before)) {
                    before = launch.op();
                    piece = stopwatch.piece(part, List.of(before));
                }
                pieces.put(launch, piece);
            }
        }
    }

    void enqueue(Launch launch, cl_command_queue queue, Counts counts) {
        cl_event event = new cl_event();
        if (launch.enqueue(queue, counts, event)) {
            pending.add(new Pending(launch, event));
        }
    }

    /** The times of all that was put into the queue, which must have finished. */
    List<Timing> take() {
        for (Pending done : pending) {
            stopwatch.add(pieces.get(done.launch()), time(done.event(), CL_PROFILING_COMMAND_END) - time(done.event(),
                    CL_PROFILING_COMMAND_START));
        }
        close();
        return stopwatch.take();
    }

    /** Nanoseconds of the device's clock. */
    static long time(cl_event event, int what) {
        long[] nanos = new long[1];
        clGetEventProfilingInfo(event, what, Sizeof.cl_ulong, Pointer.to(nanos), null);
        return nanos[0];
    }

    @Override
    public void close() {
        pending.forEach(one -> clReleaseEvent(one.event()));
        pending.clear();
    }
}
