package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.util.EnumSet;
import java.util.Set;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Op;
import org.crema.kernels.Support;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Capacity;
import org.crema.kernels.gpu.Driver;
import org.crema.kernels.gpu.Features;
import org.crema.kernels.gpu.Queue;
import org.crema.kernels.gpu.Tuning;
import org.jocl.CLException;
import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;
import org.jocl.cl_mem;

/** An OpenCL device: a context and the programs built for it. */
final class OpenClDriver implements Driver {
    private static final Set<Integer> OUT_OF_MEMORY = Set.of(CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_OUT_OF_RESOURCES,
            CL_OUT_OF_HOST_MEMORY, CL_INVALID_BUFFER_SIZE);

    /** A work-group alone reads no faster than a small part of the device: with more bytes two launches less do not pay. */
    private static final long ROUTE_BYTES = 256 << 10;

    private final int index;
    private final Facts facts;
    private final Tuning tuning;
    private final cl_context context;
    private final Programs programs;

    OpenClDriver(int index, Facts facts, Tuning tuning) {
        this.index = index;
        this.facts = facts;
        this.tuning = tuning;
        String id = info().id();
        try {
            cl_context_properties properties = new cl_context_properties();
            properties.addProperty(CL_CONTEXT_PLATFORM, facts.platformHandle());
            context = clCreateContext(properties, 1, new cl_device_id[] {facts.handle()}, null, null, null);
        } catch (CLException e) {
            throw new DeviceException(id + ", " + facts.name() + ", cannot be opened: " + e.getMessage()
                    + "; is another process using all of it?", e);
        }
        programs = new Programs(context, facts, id);
    }

    @Override
    public DeviceInfo info() {
        return facts.info(index, tuning);
    }

    @Override
    public Tuning tuning() {
        return tuning;
    }

    @Override
    public Capacity capacity() {
        return facts.capacity();
    }

    /** On processors a launch costs more than making activations int8 again in each work-group (measured). */
    @Override
    public Features features() {
        return new Features(EnumSet.of(Features.Kernel.JOINT, Features.Kernel.APPEND, Features.Kernel.ROUTE,
                Features.Kernel.EXPERT_SUM, Features.Kernel.MIXTURE, Features.Kernel.GATED_INT8),
                type -> !tuning.wideSums() && Sources.dots(type),
                type -> tuning.wideSums() && Sources.dotsWide(type),
                ROUTE_BYTES);
    }

    @Override
    public Support supports(Op op) {
        for (Weight weight : op.tensors()) {
            if (!Sources.decodes(weight.type())) {
                return Support.no("there is no kernel for " + weight.type());
            }
        }
        return Support.yes();
    }

    @Override
    public Queue<cl_mem> queue(boolean profile) {
        return new OpenClQueue(info().id(), context, facts, programs, profile);
    }

    @Override
    public boolean failure(RuntimeException thrown) {
        return thrown instanceof CLException;
    }

    @Override
    public boolean outOfMemory(RuntimeException thrown) {
        return thrown instanceof CLException failure && OUT_OF_MEMORY.contains(failure.getStatus());
    }

    @Override
    public void close() {
        programs.close();
        clReleaseContext(context);
    }
}
