package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.crema.kernels.DeviceException;
import org.crema.kernels.gpu.Kernels;
import org.jocl.CLException;
import org.jocl.Pointer;
import org.jocl.cl_context;
import org.jocl.cl_program;

/** Programs that were built for a device; each is built when it is first needed and kept until the device is closed. */
final class Programs implements AutoCloseable {
    private static final String OPTIONS = "-cl-std=CL1.2";

    private final cl_context context;
    private final Facts facts;
    private final String device;
    private final Map<String, cl_program> built = new HashMap<>();

    Programs(cl_context context, Facts facts, String device) {
        this.context = context;
        this.facts = facts;
        this.device = device;
    }

    /** @throws DeviceException with the compiler's log, if it cannot be built */
    cl_program get(Kernels kernels) {
        return get(kernels.name(), Sources.defines(kernels), () -> Sources.of(kernels));
    }

    /**
     * A program.
     *
     * @param name what it is, for messages and as its key
     * @param defines options, which are part of the key
     * @param source its text
     */
    synchronized cl_program get(String name, String defines, Supplier<String> source) {
        return built.computeIfAbsent(name + defines, key -> build(name, defines, source.get()));
    }

    private cl_program build(String name, String defines, String source) {
        cl_program program = clCreateProgramWithSource(context, 1, new String[] {source},
                new long[] {source.getBytes(StandardCharsets.UTF_8).length}, null);
        try {
            clBuildProgram(program, 0, null, OPTIONS + defines, null, null);
            return program;
        } catch (CLException e) {
            String log = log(program);
            clReleaseProgram(program);
            throw new DeviceException("%s: the driver (%s) cannot build the kernels %s with %s%s:%n%s".formatted(device, facts
                    .driver(), name, OPTIONS, defines, log), e);
        }
    }

    private String log(cl_program program) {
        long[] size = new long[1];
        clGetProgramBuildInfo(program, facts.handle(), CL_PROGRAM_BUILD_LOG, 0, null, size);
        byte[] text = new byte[(int) size[0]];
        clGetProgramBuildInfo(program, facts.handle(), CL_PROGRAM_BUILD_LOG, text.length, Pointer.to(text), null);
        return new String(text, StandardCharsets.UTF_8).replace("\0", "").trim();
    }

    @Override
    public synchronized void close() {
        built.values().forEach(program -> clReleaseProgram(program));
        built.clear();
    }
}
