package org.crema.backend.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static jcuda.driver.CUjit_option.CU_JIT_ERROR_LOG_BUFFER;
import static jcuda.driver.CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES;
import static jcuda.driver.JCudaDriver.cuFuncSetAttribute;
import static jcuda.driver.JCudaDriver.cuModuleGetFunction;
import static jcuda.driver.JCudaDriver.cuModuleLoadDataEx;
import static jcuda.driver.JCudaDriver.cuModuleUnload;
import static org.crema.backend.cuda.CudaFailure.check;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import org.crema.kernels.DeviceException;
import org.crema.kernels.gpu.Call;
import org.crema.kernels.gpu.Kernels;
import org.crema.kernels.quant.QuantType;

/**
 * PTX, loaded into a device's context: of each source file a module, of those that read weights one for each type. Each is loaded,
 * which is when the driver compiles it, when a program first needs it, and kept until the device is closed.
 */
final class Modules implements AutoCloseable {
    private static final String FOLDER = "ptx/";
    private static final String CACHE = "CACHE_";
    private static final String WEIGHTS = "matmul";
    /** Architectures that PTX is made for, newest first; later ones run it too. Units that come out the same have the oldest only. */
    private static final List<Integer> TARGETS = List.of(80, 75);
    private static final String TENSOR_TILES = "gemm_i8";
    private static final int LOG_BYTES = 1 << 14;
    /** What every kernel has without asking for more. */
    private static final int SHARED_BYTES = 48 << 10;

    private final int architecture;
    private final String device;
    private final Map<String, CUmodule> loaded = new HashMap<>();

    Modules(Facts facts, String device) {
        architecture = facts.architecture();
        this.device = device;
    }

    /** Whether there are kernels that read a type. */
    boolean reads(QuantType type) {
        return resource(WEIGHTS + "_" + type.name()).isPresent();
    }

    /**
     * The kernel of a call: its name is followed by what its file is compiled for, the type of the weights or of the cache.
     *
     * @throws DeviceException with the driver's log, if it cannot be compiled
     */
    CUfunction function(Call call) {
        Kernels kernels = call.kernels();
        String name = call.entry() + suffix(kernels).map(suffix -> "_" + suffix).orElse("");
        CUfunction function = new CUfunction();
        int answer = cuModuleGetFunction(function, module(unit(call)), name);
        if (answer == CUresult.CUDA_ERROR_NOT_FOUND) {
            throw new DeviceException(device + ": the kernel " + name + " is not in the PTX of " + unit(call)
                    + "; the jar of crema-backend-cuda is incomplete");
        }
        check(answer, "cuModuleGetFunction");
        int shared = SharedMemory.bytes(call.entry(), kernels.constants());
        if (shared > SHARED_BYTES) {
            check(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared), "cuFuncSetAttribute");
        }
        return function;
    }

    private static Optional<String> suffix(Kernels kernels) {
        return kernels.type().map(QuantType::name).or(() -> kernels.constants().keySet().stream().filter(name -> name.startsWith(
                CACHE)).map(name -> name.substring(CACHE.length())).findFirst());
    }

    /** Whether a constant of kernels is in their names, not among their parameters. */
    static boolean named(String constant) {
        return constant.startsWith(CACHE);
    }

    /** What is compiled together: the kernels of a file and type, without those that depend on the architecture. */
    private static String unit(Call call) {
        String path = call.kernels().file();
        String file = call.entry().equals(TENSOR_TILES) ? "tiles" : path.substring(path.lastIndexOf('/') + 1);
        return file + call.kernels().type().map(type -> "_" + type.name()).orElse("");
    }

    /** The newest PTX of a unit that the device runs. */
    private Optional<String> resource(String unit) {
        return TARGETS.stream().filter(target -> target <= architecture).map(target -> FOLDER + unit + "_sm" + target + ".ptx.gz")
                .filter(resource -> Modules.class.getResource(resource) != null).findFirst();
    }

    private synchronized CUmodule module(String unit) {
        return loaded.computeIfAbsent(unit, this::load);
    }

    private CUmodule load(String unit) {
        byte[] text = text(resource(unit).orElseThrow(() -> new IllegalStateException("there is no PTX of " + unit
                + ": the jar of crema-backend-cuda is incomplete")));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment log = arena.allocate(LOG_BYTES);
            CUmodule module = new CUmodule();
            int[] options = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
            int answer = cuModuleLoadDataEx(module, Pointer.to(Arrays.copyOf(text, text.length + 1)), options.length, options,
                    Pointer.to(new long[] {log.address(), LOG_BYTES}));
            String said = answer == CUresult.CUDA_SUCCESS ? "" : log.getString(0, StandardCharsets.UTF_8).strip();
            if (!said.isEmpty()) {
                throw new DeviceException("%s: the driver cannot compile the kernels %s for it: %s:%n%s".formatted(device, unit,
                        CudaFailure.words(answer), said));
            }
            check(answer, "loading the kernels " + unit);
            return module;
        }
    }

    /** The PTX of a resource. */
    static byte[] text(String resource) {
        try (InputStream in = Modules.class.getResourceAsStream(resource)) {
            return new GZIPInputStream(in).readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read PTX " + resource, e);
        }
    }

    /** Results do not matter here: a device that is lost has unloaded all. */
    @Override
    public synchronized void close() {
        loaded.values().forEach(module -> cuModuleUnload(module));
        loaded.clear();
    }
}
