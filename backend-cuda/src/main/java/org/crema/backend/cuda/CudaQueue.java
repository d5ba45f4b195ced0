package org.crema.backend.cuda;

import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemFreeHost;
import static jcuda.driver.JCudaDriver.cuMemHostAlloc;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoHAsync;
import static jcuda.driver.JCudaDriver.cuMemsetD32Async;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static org.crema.backend.cuda.CudaFailure.check;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUstream;
import org.crema.kernels.gpu.Binding;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Part;
import org.crema.kernels.gpu.Queue;

/** A stream, with the memory and the parts that are used on it. */
final class CudaQueue implements Queue<Memories.OnDevice> {
    /** Kernels read blocks as whole words of 16 bytes, the last one beyond the end. */
    private static final int ALIGNMENT = 16;
    /** Of what lies in one allocation: as of an allocation by itself. */
    private static final int TOGETHER = 256;
    /** A step block takes a piece of the first kind, weights of the second. */
    private static final long SMALL_PIECE = 64 << 10;
    private static final long LARGE_PIECE = 4 << 20;
    private static final int SMALL_PIECES = 4;
    private static final int LARGE_PIECES = 2;

    private final CudaDriver driver;
    private final boolean profile;
    private final CUstream stream = new CUstream();
    private final List<Memories.Allocation> allocations = new ArrayList<>();
    private final List<Memories.Pinned> pinned = new ArrayList<>();
    private final List<CudaPart> parts = new ArrayList<>();
    /** Of the parameters of all launches. */
    private final Arena parameters = Arena.ofShared();
    private Optional<Staging> small = Optional.empty();
    private Optional<Staging> large = Optional.empty();

    CudaQueue(CudaDriver driver, boolean profile) {
        this.driver = driver;
        this.profile = profile;
        driver.enter();
        check(cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    }

    @Override
    public Memories.OnDevice allocate(long bytes) {
        driver.enter();
        Memories.Allocation allocation = new Memories.Allocation();
        check(cuMemAlloc(allocation, aligned(bytes, ALIGNMENT)), "cuMemAlloc");
        allocations.add(allocation);
        return new Memories.OnDevice(allocation, 0, bytes);
    }

    /** One after the other in one allocation: the driver gives out pages of 2 MiB. */
    @Override
    public List<Memories.OnDevice> allocateAll(List<Long> bytes) {
        if (bytes.isEmpty()) {
            return List.of();
        }
        Memories.Allocation all = allocate(bytes.stream().mapToLong(each -> aligned(each, TOGETHER)).sum()).allocation();
        List<Memories.OnDevice> buffers = new ArrayList<>();
        long at = 0;
        for (long each : bytes) {
            buffers.add(new Memories.OnDevice(all, at, each));
            at += aligned(each, TOGETHER);
        }
        return buffers;
    }

    private static long aligned(long bytes, long alignment) {
        return (bytes + alignment - 1) & -alignment;
    }

    @Override
    public Memories.OnDevice map(MemorySegment memory) {
        throw new IllegalStateException("tensors are never used in place here");
    }

    @Override
    public void fill(Memories.OnDevice buffer, int word) {
        driver.enter();
        check(cuMemsetD32Async(buffer.at(0), word, buffer.bytes() / Integer.BYTES, stream), "cuMemsetD32Async");
    }

    @Override
    public void write(Memories.OnDevice to, long at, MemorySegment from) {
        driver.enter();
        if (from.byteSize() <= SMALL_PIECE) {
            small = Optional.of(small.orElseGet(() -> new Staging(SMALL_PIECES, SMALL_PIECE, stream)));
            small.get().copy(to, at, from);
        } else {
            large = Optional.of(large.orElseGet(() -> new Staging(LARGE_PIECES, LARGE_PIECE, stream)));
            large.get().copy(to, at, from);
        }
    }

    @Override
    public void read(Memories.OnDevice from, long at, MemorySegment to) {
        driver.enter();
        check(cuMemcpyDtoHAsync(Memories.pointer(to), from.at(at), to.byteSize(), stream), "cuMemcpyDtoHAsync");
        finish();
    }

    @Override
    public MemorySegment staging(long bytes) {
        driver.enter();
        Memories.Pinned memory = new Memories.Pinned();
        check(cuMemHostAlloc(memory, Math.max(1, bytes), 0), "cuMemHostAlloc");
        pinned.add(memory);
        return memory.segment(bytes);
    }

    @Override
    public Part part(List<Call> calls, Binding<Memories.OnDevice> memory) {
        driver.enter();
        List<Launch> launches = new ArrayList<>();
        calls.forEach(call -> launches.add(new Launch(call, driver.modules(), memory, parameters)));
        CudaPart part = new CudaPart(driver, stream, launches, profile);
        parts.add(part);
        return part;
    }

    @Override
    public void finish() {
        driver.enter();
        check(cuStreamSynchronize(stream), "cuStreamSynchronize");
    }

    /** Results do not matter here: a device that is lost has freed all, and whoever waits for results has been told. */
    @Override
    public void close() {
        driver.enter();
        cuStreamSynchronize(stream);
        parts.forEach(CudaPart::close);
        allocations.forEach(allocation -> cuMemFree(allocation));
        small.ifPresent(Staging::close);
        large.ifPresent(Staging::close);
        pinned.forEach(memory -> cuMemFreeHost(memory));
        cuStreamDestroy(stream);
        parameters.close();
        driver.left();
    }
}
