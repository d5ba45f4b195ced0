package org.crema.backend.cuda;

import static jcuda.driver.CUevent_flags.CU_EVENT_DEFAULT;
import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuEventElapsedTime;
import static jcuda.driver.JCudaDriver.cuEventRecord;
import static org.crema.backend.cuda.CudaFailure.check;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;
import org.crema.kernels.DeviceException;
import org.crema.kernels.gpu.Counts;
import org.crema.kernels.gpu.Part;

/** A list of launches. They run as a graph if their numbers of blocks come again, and one by one if their times are asked for. */
final class CudaPart implements Part {
    private static final double NANOS_PER_MILLI = 1e6;

    private final CudaDriver driver;
    private final CUstream stream;
    private final List<Launch> launches;
    private final boolean profile;
    private final Graphs graphs;
    /** Three numbers for each launch, zeros if this step leaves it out. */
    private final int[] blocks;
    /** Whose times were not asked for yet. */
    private final List<Timed> pending = new ArrayList<>();
    private final Deque<CUevent> events = new ArrayDeque<>();

    private record Timed(int launch, CUevent before, CUevent after) {}

    CudaPart(CudaDriver driver, CUstream stream, List<Launch> launches, boolean profile) {
        this.driver = driver;
        this.stream = stream;
        this.launches = List.copyOf(launches);
        this.profile = profile;
        graphs = new Graphs(stream);
        blocks = new int[3 * launches.size()];
    }

    @Override
    public void run(Counts counts) {
        driver.enter();
        int wanted = 0;
        for (int i = 0; i < launches.size(); i++) {
            launches.get(i).count(counts, blocks, 3 * i);
            wanted += blocks[3 * i] > 0 ? 1 : 0;
        }
        if (profile) {
            enqueueTimed();
        } else if (wanted > 1) {
            graphs.run(blocks, this::enqueue);
        } else {
            enqueue();
        }
    }

    private void enqueue() {
        for (int i = 0; i < launches.size(); i++) {
            if (blocks[3 * i] > 0) {
                enqueue(i);
            }
        }
    }

    private void enqueue(int launch) {
        try {
            launches.get(launch).enqueue(stream, blocks, 3 * launch);
        } catch (CudaFailure e) {
            throw new DeviceException(driver.id() + ": " + launches.get(launch).name() + " failed: " + e.getMessage(), e);
        }
    }

    private void enqueueTimed() {
        for (int i = 0; i < launches.size(); i++) {
            if (blocks[3 * i] > 0) {
                Timed timed = new Timed(i, event(), event());
                pending.add(timed);
                check(cuEventRecord(timed.before(), stream), "cuEventRecord");
                enqueue(i);
                check(cuEventRecord(timed.after(), stream), "cuEventRecord");
            }
        }
    }

    private CUevent event() {
        if (!events.isEmpty()) {
            return events.pop();
        }
        CUevent event = new CUevent();
        check(cuEventCreate(event, CU_EVENT_DEFAULT), "cuEventCreate");
        return event;
    }

    @Override
    public void addTimes(long[] nanos) {
        driver.enter();
        float[] millis = new float[1];
        for (Timed timed : pending) {
            check(cuEventElapsedTime(millis, timed.before(), timed.after()), "cuEventElapsedTime");
            nanos[timed.launch()] += Math.round(millis[0] * NANOS_PER_MILLI);
        }
        forget();
    }

    private void forget() {
        for (Timed timed : pending) {
            events.push(timed.before());
            events.push(timed.after());
        }
        pending.clear();
    }

    /** The stream must be idle, or lost: then results do not matter. */
    void close() {
        forget();
        events.forEach(event -> cuEventDestroy(event));
        events.clear();
        graphs.close();
    }
}
