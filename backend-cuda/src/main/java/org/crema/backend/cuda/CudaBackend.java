package org.crema.backend.cuda;

import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDriverGetVersion;
import static jcuda.driver.JCudaDriver.cuInit;
import static org.crema.backend.cuda.CudaFailure.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jcuda.driver.CUresult;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.Found;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.Tuning;

/** NVIDIA GPUs. Numbers leave out those that cannot be used. */
public final class CudaBackend implements Backend {
    /** The name of this backend. */
    public static final String NAME = "cuda";

    /** What the kernels are compiled for, see {@code tuning.cuh}. */
    static final Tuning TUNING = Tuning.CUDA;

    private static final String LIBRARY = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows")
            ? "nvcuda.dll"
            : "libcuda.so.1";

    /** Found through {@link java.util.ServiceLoader}. */
    public CudaBackend() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        Found<Facts> found = find();
        List<DeviceInfo> devices = new ArrayList<>();
        List<String> rejections = new ArrayList<>(found.rejections());
        for (int i = 0; i < found.devices().size(); i++) {
            // Free memory is told to those only who have a context.
            try (CudaDriver driver = new CudaDriver(i, found.devices().get(i))) {
                devices.add(driver.info());
            } catch (DeviceException | CudaFailure e) {
                rejections.add(e.getMessage());
            }
        }
        return new Discovery(devices, rejections);
    }

    @Override
    public Device open(int index, DeviceOptions options) {
        return new GpuDevice(new CudaDriver(index, find().get("CUDA", index)), options);
    }

    private static Found<Facts> find() {
        // The binding fails with a stack trace when there is no library, so it must not be touched then.
        if (!Found.library(List.of(LIBRARY))) {
            return Found.nothing("no NVIDIA driver on this machine: " + LIBRARY + " was not found; install driver 525 or later");
        }
        // Otherwise the binding loads whatever lies under a name that all users of the machine can write.
        System.setProperty("uniqueLibraryNames", "true");
        try {
            return devices();
        } catch (CudaFailure e) {
            return Found.nothing("the NVIDIA driver does not answer: " + e.getMessage());
        } catch (LinkageError e) {
            return Found.nothing("the CUDA binding cannot be loaded: " + e.getMessage()
                    + "; start Java with --enable-native-access=ALL-UNNAMED");
        }
    }

    private static Found<Facts> devices() {
        int[] driver = new int[1];
        check(cuDriverGetVersion(driver), "cuDriverGetVersion");
        String old = Facts.rejection(driver[0]);
        if (!old.isEmpty()) {
            return Found.nothing(old);
        }
        int answer = cuInit(0);
        if (answer == CUresult.CUDA_ERROR_NO_DEVICE) {
            return Found.nothing("the NVIDIA driver finds no GPU");
        }
        check(answer, "cuInit");
        int[] count = new int[1];
        check(cuDeviceGetCount(count), "cuDeviceGetCount");
        Found.Search<Facts> search = new Found.Search<>(CudaFailure.class);
        for (int i = 0; i < count[0]; i++) {
            int number = i;
            search.look("GPU " + i, () -> Facts.of(number, driver[0]));
        }
        return search.found();
    }
}
