package org.crema.backend.opencl;

import static org.jocl.CL.CL_PROFILING_COMMAND_END;
import static org.jocl.CL.CL_PROFILING_COMMAND_START;
import static org.jocl.CL.clFlush;
import static org.jocl.CL.clGetEventProfilingInfo;
import static org.jocl.CL.clReleaseEvent;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.DeviceException;
import org.crema.kernels.gpu.Counts;
import org.crema.kernels.gpu.Part;
import org.jocl.CLException;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_event;

/** A list of launches. */
final class OpenClPart implements Part {
    private final String device;
    private final cl_command_queue queue;
    private final boolean profile;
    private final List<Launch> launches = new ArrayList<>();
    /** Whose times were not asked for yet. */
    private final List<Pending> pending = new ArrayList<>();

    private record Pending(int launch, cl_event event) {}

    OpenClPart(String device, cl_command_queue queue, boolean profile) {
        this.device = device;
        this.queue = queue;
        this.profile = profile;
    }

    void add(Launch launch) {
        launches.add(launch);
    }

    @Override
    public void run(Counts counts) {
        for (int i = 0; i < launches.size(); i++) {
            Launch launch = launches.get(i);
            try {
                cl_event event = profile ? new cl_event() : null;
                if (launch.enqueue(queue, counts, event) && profile) {
                    pending.add(new Pending(i, event));
                }
            } catch (CLException e) {
                throw new DeviceException(device + ": " + launch.name() + " failed: " + e.getMessage(), e);
            }
        }
        clFlush(queue);
    }

    @Override
    public void addTimes(long[] nanos) {
        for (Pending done : pending) {
            nanos[done.launch()] += time(done.event(), CL_PROFILING_COMMAND_END) - time(done.event(), CL_PROFILING_COMMAND_START);
        }
        forget();
    }

    /** Nanoseconds of the device's clock. */
    private static long time(cl_event event, int what) {
        long[] nanos = new long[1];
        clGetEventProfilingInfo(event, what, Sizeof.cl_ulong, Pointer.to(nanos), null);
        return nanos[0];
    }

    private void forget() {
        pending.forEach(one -> clReleaseEvent(one.event()));
        pending.clear();
    }

    void release() {
        forget();
        launches.forEach(Launch::release);
        launches.clear();
    }
}
