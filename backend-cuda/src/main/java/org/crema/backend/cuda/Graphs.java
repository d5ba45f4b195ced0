package org.crema.backend.cuda;

import static jcuda.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
import static jcuda.driver.JCudaDriver.cuGraphDestroy;
import static jcuda.driver.JCudaDriver.cuGraphExecDestroy;
import static jcuda.driver.JCudaDriver.cuGraphInstantiate;
import static jcuda.driver.JCudaDriver.cuGraphLaunch;
import static jcuda.driver.JCudaDriver.cuStreamBeginCapture;
import static jcuda.driver.JCudaDriver.cuStreamEndCapture;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static org.crema.backend.cuda.CudaFailure.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstream;

/**
 * Graphs of one list of launches, one for each of the latest vectors of numbers of blocks. A vector is captured when it comes for the
 * second time: those of prompts rarely do, that of single tokens comes again until attention is spread over one block more.
 */
final class Graphs {
    private static final int MOST = 8;

    private final CUstream stream;
    /** The latest first. */
    private final List<Seen> seen = new ArrayList<>();

    private static final class Seen {
        private final int[] blocks;
        /** Null until it came again. */
        private CUgraphExec graph;

        Seen(int[] blocks) {
            this.blocks = blocks;
        }
    }

    Graphs(CUstream stream) {
        this.stream = stream;
    }

    /**
     * Runs launches, as a graph if there is one.
     *
     * @param launches puts them into the stream, for these numbers of blocks
     */
    void run(int[] blocks, Runnable launches) {
        for (int i = 0; i < seen.size(); i++) {
            Seen known = seen.get(i);
            if (Arrays.equals(known.blocks, blocks)) {
                if (i > 0) {
                    seen.remove(i);
                    seen.addFirst(known);
                }
                if (known.graph == null) {
                    known.graph = capture(launches);
                }
                check(cuGraphLaunch(known.graph, stream), "cuGraphLaunch");
                return;
            }
        }
        if (seen.size() == MOST) {
            forget(seen.removeLast());
        }
        seen.addFirst(new Seen(blocks.clone()));
        launches.run();
    }

    private CUgraphExec capture(Runnable launches) {
        CUgraph graph = new CUgraph();
        check(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), "cuStreamBeginCapture");
        try {
            launches.run();
        } catch (RuntimeException | Error e) {
            // The stream must not stay as it is; what failed is told by the exception.
            if (cuStreamEndCapture(stream, graph) == 0) {
                cuGraphDestroy(graph);
            }
            throw e;
        }
        check(cuStreamEndCapture(stream, graph), "cuStreamEndCapture");
        CUgraphExec executable = new CUgraphExec();
        int answer = cuGraphInstantiate(executable, graph, 0);
        cuGraphDestroy(graph);
        check(answer, "cuGraphInstantiate");
        return executable;
    }

    /** A graph that may still run. */
    private void forget(Seen old) {
        if (old.graph != null) {
            check(cuStreamSynchronize(stream), "cuStreamSynchronize");
            check(cuGraphExecDestroy(old.graph), "cuGraphExecDestroy");
        }
    }

    /** The stream must be idle, or lost: then results do not matter. */
    void close() {
        for (Seen old : seen) {
            if (old.graph != null) {
                cuGraphExecDestroy(old.graph);
            }
        }
        seen.clear();
    }
}
