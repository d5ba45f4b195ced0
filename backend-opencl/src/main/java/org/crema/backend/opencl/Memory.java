package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Cache;
import org.crema.kernels.Guards;
import org.crema.kernels.Rotation;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Plan;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_mem;

/** The buffers of an executable. */
final class Memory implements AutoCloseable {
    /** Weights that are no native memory go to the device in pieces of this size. */
    private static final int PIECE = 1 << 22;

    private final Plan plan;
    private final cl_context context;
    private final cl_command_queue queue;
    private final List<cl_mem> buffers = new ArrayList<>();
    private final Map<Weight, cl_mem> weights = new HashMap<>();
    private final Map<Cache, cl_mem> caches = new HashMap<>();
    /** Keeps what in-place buffers point to. */
    private final List<MemorySegment> mapped = new ArrayList<>();
    private final cl_mem arena;
    private final cl_mem constants;
    private final cl_mem step;

    /** Allocates and fills everything; nothing is left if that fails. */
    Memory(Plan plan, cl_context context, cl_command_queue queue) {
        this.plan = plan;
        this.context = context;
        this.queue = queue;
        try {
            arena = filled(plan.arenaBytes());
            step = allocate(CL_MEM_READ_ONLY, plan.stepBytes());
            constants = allocate(CL_MEM_READ_ONLY, plan.constantBytes());
            plan.caches().forEach(cache -> caches.put(cache, filled(plan.cacheBytes(cache))));
            fillConstants();
            for (Weight weight : plan.weights()) {
                weights.put(weight, plan.inPlace(weight) ? inPlace(weight) : copy(weight));
                plan.options().progress().accept(weight.bytes());
            }
            clFinish(queue);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    cl_mem arena() {
        return arena;
    }

    private void fillConstants() {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment cells = scope.allocate(plan.constantBytes(), 8);
            plan.vectors().forEach((weight, at) -> {
                float[] values = new float[weight.columns()];
                weight.type().codec().decode(weight.data(), weight.offset(0, 0), values, 0, values.length);
                MemorySegment.copy(values, 0, cells, ValueLayout.JAVA_FLOAT, 4L * at, values.length);
                plan.options().progress().accept(weight.bytes());
            });
            plan.rotations().forEach((rotation, at) -> {
                for (int i = 0; i < rotation.frequencies().size(); i++) {
                    cells.set(ValueLayout.JAVA_LONG, 4L * at + 8L * i, turns(rotation, i));
                }
            });
            clEnqueueWriteBuffer(queue, constants, true, 0, cells.byteSize(), Host.pointer(cells), 0, null, null);
        }
    }

    /** Turns per position, as a fraction of 2^64. */
    static long turns(Rotation rotation, int pair) {
        double turns = rotation.frequencies().get(pair) / (2 * Math.PI);
        double part = turns - Math.floor(turns);
        // 2^64 does not fit a long, twice 2^63 wraps around as it should.
        return 2 * (long) (part * 0x1p63);
    }

    cl_mem constants() {
        return constants;
    }

    cl_mem step() {
        return step;
    }

    cl_mem weight(Weight weight) {
        return weights.get(weight);
    }

    cl_mem cache(Cache cache) {
        return caches.get(cache);
    }

    private cl_mem allocate(long flags, long bytes) {
        cl_mem buffer = clCreateBuffer(context, flags, bytes, null, null);
        buffers.add(buffer);
        return buffer;
    }

    /** Filling also makes sure that the memory is there: drivers allocate when a buffer is first used. */
    private cl_mem filled(long bytes) {
        cl_mem buffer = allocate(CL_MEM_READ_WRITE, bytes);
        int pattern = plan.options().guardBytes() > 0 ? Guards.WORD : 0;
        clEnqueueFillBuffer(queue, buffer, Pointer.to(new int[] {pattern}), 4, 0, bytes & -4, 0, null, null);
        clFinish(queue);
        return buffer;
    }

    private cl_mem inPlace(Weight weight) {
        cl_mem buffer = clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, weight.offset(weight.count() - 1,
                weight.rows()), Host.pointer(weight.data()), null);
        buffers.add(buffer);
        mapped.add(weight.data());
        return buffer;
    }

    /** Matrices without the gaps between them. */
    private cl_mem copy(Weight weight) {
        cl_mem buffer = allocate(CL_MEM_READ_ONLY, weight.bytes());
        long matrix = weight.rows() * weight.rowBytes();
        if (weight.matrixStride() == matrix) {
            upload(buffer, 0, weight.data().asSlice(0, weight.bytes()));
        } else {
            for (int m = 0; m < weight.count(); m++) {
                upload(buffer, m * matrix, weight.data().asSlice(weight.offset(m, 0), matrix));
            }
        }
        return buffer;
    }

    private void upload(cl_mem buffer, long at, MemorySegment data) {
        if (data.isNative()) {
            clEnqueueWriteBuffer(queue, buffer, true, at, data.byteSize(), Host.pointer(data), 0, null, null);
            return;
        }
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment piece = scope.allocate(Math.min(PIECE, data.byteSize()));
            for (long done = 0; done < data.byteSize(); done += PIECE) {
                long bytes = Math.min(PIECE, data.byteSize() - done);
                MemorySegment.copy(data, done, piece, 0, bytes);
                clEnqueueWriteBuffer(queue, buffer, true, at + done, bytes, Host.pointer(piece), 0, null, null);
            }
        }
    }

    /** What writes outside of slots and cache pages have destroyed. */
    List<String> damage() {
        if (plan.options().guardBytes() == 0) {
            return List.of();
        }
        List<String> damage = new ArrayList<>();
        try (Arena scope = Arena.ofConfined()) {
            damage.addAll(Guards.damage(plan.layout(), read(arena, plan.arenaBytes(), scope)));
            caches.forEach((cache, buffer) -> {
                long used = cache.bytes(plan.options().cacheType(), plan.limits());
                long all = plan.cacheBytes(cache);
                damage.addAll(Guards.damage("after " + cache, read(buffer, all, scope), used, all - used));
            });
        }
        return damage;
    }

    private MemorySegment read(cl_mem buffer, long bytes, Arena scope) {
        MemorySegment copy = scope.allocate(bytes, 8);
        clEnqueueReadBuffer(queue, buffer, true, 0, bytes, Host.pointer(copy), 0, null, null);
        return copy;
    }

    /** Whether the memory behind all weights that are used in place is still there. */
    boolean alive() {
        for (MemorySegment segment : mapped) {
            if (!segment.scope().isAlive()) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() {
        buffers.forEach(buffer -> clReleaseMemObject(buffer));
        buffers.clear();
        weights.clear();
        caches.clear();
        mapped.clear();
    }
}
