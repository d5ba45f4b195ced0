package org.crema.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.GpuDevice;

/**
 * The emulated device: a {@code libcuda.so.1} of our own that is loaded before the binding asks for one. Built by
 * {@code src/test/native/build-all}.
 */
final class Emulated {
    private static final String LIBRARY = "libcuda.so.1";
    private static final Path FILE = Path.of(System.getProperty("emulated", "target/native/plain"), LIBRARY).toAbsolutePath();
    private static final boolean THERE = Files.exists(FILE);

    static {
        if (THERE) {
            System.load(FILE.toString());
        }
    }

    private Emulated() {}

    /** Skips the test where the device could not be built, with the reason; where {@code CI=true} there has to be one. */
    static void need() {
        String reason = "no emulated CUDA device, " + FILE + " is missing: install g++ and build the module again";
        if ("true".equals(System.getenv("CI"))) {
            assertTrue(THERE, reason);
        }
        assumeTrue(THERE, reason);
    }

    static GpuDevice open(DeviceOptions options) {
        need();
        return (GpuDevice) new CudaBackend().open(0, options);
    }

    static GpuDevice open() {
        return open(DeviceOptions.DEFAULT);
    }

    /** Sets what the device is like, see {@code libcuda.cpp}; returns what was set before. */
    static long set(String name, long value) {
        try (Arena arena = Arena.ofConfined()) {
            return told(name, (long) Handles.SET.invokeExact(arena.allocateFrom(name), value));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** What is in use, or was done, see {@code libcuda.cpp}. */
    static long get(String name) {
        try (Arena arena = Arena.ofConfined()) {
            return told(name, (long) Handles.GET.invokeExact(arena.allocateFrom(name)));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static long told(String name, long value) {
        assertTrue(value >= 0, "the emulated device knows no " + name);
        return value;
    }

    private static final class Handles {
        private static final SymbolLookup SYMBOLS = SymbolLookup.libraryLookup(FILE, Arena.global());
        private static final MethodHandle SET = handle("cuda_cpu_set", FunctionDescriptor.of(ValueLayout.JAVA_LONG,
                ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        private static final MethodHandle GET = handle("cuda_cpu_get", FunctionDescriptor.of(ValueLayout.JAVA_LONG,
                ValueLayout.ADDRESS));

        private static MethodHandle handle(String name, FunctionDescriptor type) {
            MemorySegment address = SYMBOLS.findOrThrow(name);
            return Linker.nativeLinker().downcallHandle(address, type);
        }
    }
}
