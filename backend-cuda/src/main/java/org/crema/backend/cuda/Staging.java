package org.crema.backend.cuda;

import static jcuda.driver.CUevent_flags.CU_EVENT_DISABLE_TIMING;
import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuEventRecord;
import static jcuda.driver.JCudaDriver.cuEventSynchronize;
import static jcuda.driver.JCudaDriver.cuMemFreeHost;
import static jcuda.driver.JCudaDriver.cuMemHostAlloc;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync;
import static org.crema.backend.cuda.CudaFailure.check;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUevent;
import jcuda.driver.CUstream;

/**
 * Pieces of pinned memory that copies to the device go through, in turns: one is filled while the device reads another, and what
 * was to be copied may change at once.
 */
final class Staging {
    private final long pieceBytes;
    private final CUstream stream;
    private final List<Piece> pieces = new ArrayList<>();
    private int turn;

    /** @param free is recorded behind the last copy from it */
    private record Piece(Memories.Pinned pointer, MemorySegment memory, CUevent free) {}

    Staging(int count, long pieceBytes, CUstream stream) {
        this.pieceBytes = pieceBytes;
        this.stream = stream;
        try {
            for (int i = 0; i < count; i++) {
                CUevent free = new CUevent();
                check(cuEventCreate(free, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
                Memories.Pinned pointer = new Memories.Pinned();
                int answer = cuMemHostAlloc(pointer, pieceBytes, 0);
                if (answer != 0) {
                    cuEventDestroy(free);
                }
                check(answer, "cuMemHostAlloc");
                pieces.add(new Piece(pointer, pointer.segment(pieceBytes), free));
            }
        } catch (CudaFailure e) {
            close();
            throw e;
        }
    }

    /** Copies after all work before it; {@code from} may be changed when this returns. */
    void copy(Memories.OnDevice to, long at, MemorySegment from) {
        for (long done = 0; done < from.byteSize(); done += pieceBytes) {
            long bytes = Math.min(pieceBytes, from.byteSize() - done);
            Piece piece = pieces.get(turn);
            turn = (turn + 1) % pieces.size();
            check(cuEventSynchronize(piece.free()), "cuEventSynchronize");
            MemorySegment.copy(from, done, piece.memory(), 0, bytes);
            check(cuMemcpyHtoDAsync(to.at(at + done), piece.pointer(), bytes, stream), "cuMemcpyHtoDAsync");
            check(cuEventRecord(piece.free(), stream), "cuEventRecord");
        }
    }

    /** The stream must be idle, or lost: then results do not matter. */
    void close() {
        for (Piece piece : pieces) {
            cuEventDestroy(piece.free());
            cuMemFreeHost(piece.pointer());
        }
        pieces.clear();
    }
}
