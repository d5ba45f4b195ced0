package org.crema.backend.cuda;

import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuMemGetInfo;
import static org.crema.backend.cuda.CudaFailure.check;

import java.util.EnumSet;
import jcuda.driver.CUcontext;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Op;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.AttentionShape;
import org.crema.kernels.gpu.Capacity;
import org.crema.kernels.gpu.Driver;
import org.crema.kernels.gpu.Features;
import org.crema.kernels.gpu.Queue;
import org.crema.kernels.gpu.Tuning;

/** A CUDA device: its primary context and the modules loaded there. */
final class CudaDriver implements Driver {
    private final int index;
    private final Facts facts;
    private final String id;
    private final CUcontext context = new CUcontext();
    private final Modules modules;
    private int queues;
    private boolean closed;

    CudaDriver(int index, Facts facts) {
        this.index = index;
        this.facts = facts;
        id = CudaBackend.NAME + ":" + index;
        try {
            check(cuDevicePrimaryCtxRetain(context, facts.handle()), "cuDevicePrimaryCtxRetain");
        } catch (CudaFailure e) {
            throw new DeviceException(id + ", " + facts.name() + ", cannot be opened: " + e.getMessage()
                    + "; is another process using all of it?", e);
        }
        modules = new Modules(facts, id);
    }

    /** Makes the context that of this thread, which need not be the one that made the last call. */
    void enter() {
        check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    String id() {
        return id;
    }

    Modules modules() {
        return modules;
    }

    @Override
    public DeviceInfo info() {
        enter();
        long[] free = new long[1];
        long[] total = new long[1];
        check(cuMemGetInfo(free, total), "cuMemGetInfo");
        return facts.info(index, free[0]);
    }

    @Override
    public Tuning tuning() {
        return CudaBackend.TUNING;
    }

    @Override
    public Capacity capacity() {
        return facts.capacity();
    }

    /**
     * All but a launch of shared and chosen experts together, and a router in one block: routers of any size have several blocks. Every type of
     * blocks has products with int8 activations.
     */
    @Override
    public Features features() {
        return new Features(EnumSet.complementOf(EnumSet.of(Features.Kernel.MIXTURE, Features.Kernel.ROUTE)),
                type -> type.blockSize() > 1 && modules.reads(type),
                type -> false,
                0);
    }

    @Override
    public Support supports(Op op) {
        for (Weight weight : op.tensors()) {
            if (!modules.reads(weight.type())) {
                return Support.no("there is no kernel for " + weight.type());
            }
        }
        return switch (op) {
            case Op.Attention attention -> supports(AttentionShape.of(attention, tuning(), capacity()));
            case Op.LatentAttention attention -> supports(AttentionShape.of(attention, tuning(), capacity()));
            default -> Support.yes();
        };
    }

    private Support supports(AttentionShape shape) {
        int most = SharedMemory.mostValueColumns(shape);
        if (shape.value() > most) {
            return Support.no("its values have " + shape.value() + " columns, at most " + most + " are taken");
        }
        long bytes = SharedMemory.attend(shape.constants());
        return bytes <= facts.sharedMemory()
                ? Support.yes()
                : Support.no("it needs %,d bytes of shared memory, the device has %,d".formatted(bytes, facts.sharedMemory()));
    }

    @Override
    public synchronized Queue<Memories.OnDevice> queue(boolean profile) {
        CudaQueue queue = new CudaQueue(this, profile);
        queues++;
        return queue;
    }

    /** A queue was closed. */
    synchronized void left() {
        queues--;
        release();
    }

    @Override
    public boolean failure(RuntimeException thrown) {
        return thrown instanceof CudaFailure;
    }

    @Override
    public boolean outOfMemory(RuntimeException thrown) {
        return thrown instanceof CudaFailure failure && failure.outOfMemory();
    }

    /** The context stays until its last queue is closed too. */
    @Override
    public synchronized void close() {
        closed = true;
        release();
    }

    /** Results do not matter here: a device that is lost has freed all. */
    private void release() {
        if (closed && queues == 0) {
            cuCtxSetCurrent(context);
            modules.close();
            cuCtxSetCurrent(new CUcontext());
            cuDevicePrimaryCtxRelease(facts.handle());
        }
    }
}
