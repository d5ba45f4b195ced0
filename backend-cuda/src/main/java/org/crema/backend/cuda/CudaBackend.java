package org.crema.backend.cuda;

import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDriverGetVersion;
import static jcuda.driver.JCudaDriver.cuInit;
import static org.crema.backend.cuda.CudaFailure.check;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jcuda.driver.CUresult;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
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

    /** What was found: usable devices, and in words what is not. */
    private record Found(List<Facts> devices, List<String> rejections) {
        static Found nothing(String why) {
            return new Found(List.of(), List.of(why));
        }
    }

    /** Found through {@link java.util.ServiceLoader}. */
    public CudaBackend() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        Found found = find();
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
        Found found = find();
        if (index < 0 || index >= found.devices().size()) {
            throw new DeviceException("there is no CUDA device " + index + "; found " + found.devices().size()
                    + (found.rejections().isEmpty() ? "" : ", rejected: " + String.join("; ", found.rejections())));
        }
        return new GpuDevice(new CudaDriver(index, found.devices().get(index)), options);
    }

    private static Found find() {
        // The binding fails with a stack trace when there is no library, so it must not be touched then.
        if (!present()) {
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

    private static boolean present() {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup.libraryLookup(LIBRARY, arena);
            return true;
        } catch (IllegalArgumentException absent) {
            return false;
        }
    }

    private static Found devices() {
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
        List<Facts> usable = new ArrayList<>();
        List<String> rejections = new ArrayList<>();
        for (int i = 0; i < count[0]; i++) {
            try {
                Facts facts = Facts.of(i, driver[0]);
                String rejection = facts.rejection();
                if (rejection.isEmpty()) {
                    usable.add(facts);
                } else {
                    rejections.add(facts.name() + ": " + rejection);
                }
            } catch (CudaFailure e) {
                rejections.add("GPU " + i + ": it does not answer, " + e.getMessage());
            }
        }
        return new Found(usable, rejections);
    }
}
