package org.crema.backend.cuda;

import static jcuda.driver.JCudaDriver.*;
import static org.crema.backend.cuda.CudaFailure.check;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The emulated device itself: that right kernels are right, and that each kind of fault shows. Kernels are those of selftest.cu. */
class EmulatorTest {
    private static final int FORWARD = 0;
    private static final int REVERSE = 1;
    private static final int GREEDY = 2;
    private static final int THREADS = 128;
    private static final int BLOCKS = 3;
    private static final int CELLS = BLOCKS * THREADS;
    private static final long BYTES = 4L * CELLS;
    private static final int SHARED_BYTES = 64;

    private final CUdevice device = new CUdevice();
    private final CUmodule module = new CUmodule();
    private final Memories.Allocation in = new Memories.Allocation();
    private final Memories.Allocation out = new Memories.Allocation();
    private final float[] input = new float[CELLS];
    private final float[] output = new float[CELLS];

    @BeforeEach
    void begin() {
        Emulated.need();
        System.setProperty("uniqueLibraryNames", "true");
        check(cuInit(0), "cuInit");
        check(cuDeviceGet(device, 0), "cuDeviceGet");
        CUcontext context = new CUcontext();
        check(cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
        check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
        StringBuilder ptx = new StringBuilder(".version 8.0\n.target sm_75\n.address_size 64\n");
        for (String kernel : List.of("right", "no_barrier_after_writing", "no_barrier_after_reading", "shuffles",
                "divergent_barrier", "different_barriers", "different_collectives", "outside_its_mask", "from_outside_the_mask",
                "behind_shared_memory", "unwritten_shared_memory", "tensor_f16")) {
            ptx.append(".visible .entry ").append(kernel).append("(\n");
        }
        check(cuModuleLoadDataEx(module, Pointer.to((ptx + "\0").getBytes(StandardCharsets.US_ASCII)), 0, new int[0], Pointer.to(
                new long[0])), "cuModuleLoadDataEx");
        check(cuMemAlloc(in, BYTES), "cuMemAlloc");
        check(cuMemAlloc(out, BYTES), "cuMemAlloc");
        for (int i = 0; i < CELLS; i++) {
            input[i] = i % 7 - 3 + i / THREADS;
        }
        check(cuMemcpyHtoD(in, Pointer.to(input), BYTES), "cuMemcpyHtoD");
    }

    @AfterEach
    void end() {
        Emulated.set("schedule", GREEDY);
        check(cuModuleUnload(module), "cuModuleUnload");
        check(cuMemFree(in), "cuMemFree");
        check(cuMemFree(out), "cuMemFree");
        check(cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
    }

    /** The result of launching a kernel; what it wrote is in the output. */
    private int run(String kernel, int schedule, int blocks, int threads) {
        Emulated.set("schedule", schedule);
        CUfunction function = new CUfunction();
        check(cuModuleGetFunction(function, module, kernel), "cuModuleGetFunction");
        int answer;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment values = arena.allocateFrom(ValueLayout.JAVA_LONG, out.address(), in.address());
            MemorySegment table = arena.allocateFrom(ValueLayout.JAVA_LONG, values.address(), values.address() + 8);
            answer = cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, SHARED_BYTES, null, Memories.pointer(table), null);
        }
        check(cuMemcpyDtoH(Pointer.to(output), out, BYTES), "cuMemcpyDtoH");
        return answer;
    }

    private boolean sumsAreRight() {
        for (int b = 0; b < BLOCKS; b++) {
            float sum = 0;
            for (int t = 0; t < THREADS; t++) {
                sum += 3 * input[b * THREADS + t];
            }
            for (int t = 0; t < THREADS; t++) {
                if (output[b * THREADS + t] != sum) {
                    return false;
                }
            }
        }
        return true;
    }

    @ParameterizedTest
    @ValueSource(ints = {FORWARD, REVERSE, GREEDY})
    void barriers(int schedule) {
        assertEquals(0, run("right", schedule, BLOCKS, THREADS));
        assertTrue(sumsAreRight());
    }

    @ParameterizedTest
    @ValueSource(ints = {FORWARD, REVERSE, GREEDY})
    void shuffles(int schedule) {
        assertEquals(0, run("shuffles", schedule, BLOCKS, THREADS));
        for (int i = 0; i < CELLS; i++) {
            float expected = 8;
            for (int lane = 0; lane < 32; lane++) {
                float x = input[i / 32 * 32 + lane];
                expected += x + (i % 2 == 1 && lane % 2 == 1 ? x : 0);
            }
            assertEquals(expected, output[i]);
        }
    }

    /** Greedy and reverse together, which the tests of the kernels run. */
    @ParameterizedTest
    @ValueSource(strings = {"no_barrier_after_writing", "no_barrier_after_reading"})
    void forgottenBarriersShow(String kernel) {
        assertEquals(0, run(kernel, GREEDY, BLOCKS, THREADS));
        boolean greedy = sumsAreRight();
        assertEquals(0, run(kernel, REVERSE, BLOCKS, THREADS));
        assertTrue(!greedy || !sumsAreRight(), "both schedules let it through");
    }

    @ParameterizedTest
    @ValueSource(strings = {"divergent_barrier", "different_barriers", "different_collectives", "outside_its_mask",
        "from_outside_the_mask", "behind_shared_memory"})
    void faultsAreFailedLaunches(String kernel) {
        for (int schedule : new int[] {FORWARD, REVERSE, GREEDY}) {
            assertEquals(CUresult.CUDA_ERROR_LAUNCH_FAILED, run(kernel, schedule, 1, 64));
        }
        // The next launch starts anew.
        assertEquals(0, run("right", GREEDY, BLOCKS, THREADS));
        assertTrue(sumsAreRight());
    }

    @Test
    void sharedMemoryHoldsNothing() {
        assertEquals(0, run("unwritten_shared_memory", GREEDY, BLOCKS, 64));
        for (int i = 0; i < 128; i++) {
            assertTrue(Float.isNaN(output[i]), "cell " + i + " holds " + output[i]);
        }
    }

    @Test
    void tensorCores() {
        assertEquals(0, run("tensor_f16", GREEDY, 1, 32));
        for (int row = 0; row < 16; row++) {
            for (int column = 0; column < 8; column++) {
                float sum = 0;
                for (int k = 0; k < 16; k++) {
                    sum += input[row * 16 + k] * input[256 + column * 16 + k];
                }
                assertEquals(sum, output[row * 8 + column]);
            }
        }
    }

    @Test
    void limitsOfLaunches() {
        assertEquals(CUresult.CUDA_ERROR_INVALID_VALUE, run("right", GREEDY, 1, 2048));
        assertEquals(CUresult.CUDA_ERROR_INVALID_VALUE, run("right", GREEDY, 0, 64));
        assertNotEquals(0, cuModuleGetFunction(new CUfunction(), module, "right_of_another_name"));
    }
}
