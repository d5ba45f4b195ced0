package org.crema.backend.cuda;

import static jcuda.driver.CUdevice_attribute.*;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDeviceGetAttribute;
import static jcuda.driver.JCudaDriver.cuDeviceGetName;
import static jcuda.driver.JCudaDriver.cuDeviceTotalMem;
import static org.crema.backend.cuda.CudaFailure.check;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import jcuda.driver.CUdevice;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.gpu.Capacity;
import org.crema.kernels.gpu.Found;

/**
 * What a device says about itself.
 *
 * @param handle the device
 * @param driver newest CUDA version of the driver, 1000 × major + 10 × minor
 * @param architecture compute capability, 10 × major + minor
 * @param units multiprocessors
 * @param sharedMemory most bytes of shared memory of a block, for kernels that ask for it
 */
record Facts(CUdevice handle, int driver, String name, int architecture, int units, int threads, long memory, int sharedMemory,
        int cacheBytes, boolean integrated) implements Found.Facts {
    /** Turing: the oldest that CUDA 13 compiles for. */
    private static final int OLDEST_ARCHITECTURE = 75;
    /** CUDA 12.0, which came with driver 525: the oldest that takes the PTX. */
    private static final int OLDEST_DRIVER = 12000;
    /** Left of a block's shared memory, since kernels align each of their arrays. */
    private static final int SHARED_SLACK = 128;

    static Facts of(int index, int driver) {
        CUdevice device = new CUdevice();
        check(cuDeviceGet(device, index), "cuDeviceGet");
        byte[] name = new byte[256];
        check(cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
        long[] memory = new long[1];
        check(cuDeviceTotalMem(memory, device), "cuDeviceTotalMem");
        return new Facts(device, driver, new String(name, StandardCharsets.UTF_8).replaceAll("\0.*", "").trim(),
                10 * number(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) + number(device,
                        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
                number(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT), number(device,
                        CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
                memory[0], number(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN), number(device,
                        CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE),
                number(device, CU_DEVICE_ATTRIBUTE_INTEGRATED) != 0);
    }

    private static int number(CUdevice device, int attribute) {
        int[] value = new int[1];
        check(cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }

    /** Why no device of a driver can be used, in words; empty if they can. */
    static String rejection(int driver) {
        return driver >= OLDEST_DRIVER
                ? ""
                : "the NVIDIA driver is for CUDA " + version(driver) + "; CUDA " + version(OLDEST_DRIVER)
                        + " is needed, install driver 525 or later";
    }

    @Override
    public String rejection() {
        if (architecture < OLDEST_ARCHITECTURE) {
            return "its compute capability is " + decimal(architecture) + ", at least " + decimal(OLDEST_ARCHITECTURE)
                    + " (Turing: GTX 16, RTX 20, T4) is needed; use it through OpenCL or Vulkan";
        }
        if (threads < CudaBackend.TUNING.largest()) {
            return "its blocks have at most " + threads + " threads, " + CudaBackend.TUNING.largest() + " are needed";
        }
        return "";
    }

    Capacity capacity() {
        return new Capacity(units, sharedMemory - SHARED_SLACK, false, memory, memory, weight -> false);
    }

    DeviceInfo info(int index, long free) {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("driver", "CUDA " + version(driver));
        details.put("compute capability", decimal(architecture));
        details.put("multiprocessors", Integer.toString(units));
        details.put("shared memory", sharedMemory / 1024 + " KiB");
        details.put("L2 cache", cacheBytes / 1024 + " KiB");
        details.put("tuned as", CudaBackend.TUNING.name());
        return new DeviceInfo(CudaBackend.NAME, index, name, integrated
                ? DeviceInfo.Kind.INTEGRATED
                : DeviceInfo.Kind.DISCRETE, memory, Math.min(memory, free), details);
    }

    private static String version(int driver) {
        return driver / 1000 + "." + driver % 1000 / 10;
    }

    private static String decimal(int architecture) {
        return architecture / 10 + "." + architecture % 10;
    }
}
