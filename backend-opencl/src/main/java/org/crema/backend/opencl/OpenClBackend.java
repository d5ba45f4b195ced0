package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.util.List;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.gpu.Found;
import org.crema.kernels.gpu.GpuDevice;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.quant.QuantType;
import org.jocl.CL;
import org.jocl.CLException;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/** OpenCL devices of all platforms, numbered in one list: GPUs first, then other devices, in the order of their platforms. */
public final class OpenClBackend implements Backend {
    /** The name of this backend. */
    public static final String NAME = "opencl";

    private static final List<String> LIBRARIES = switch (System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT)
            .replaceAll("[^a-z].*", "")) {
        case "windows" -> List.of("OpenCL.dll");
        case "mac" -> List.of("/System/Library/Frameworks/OpenCL.framework/OpenCL");
        default -> List.of("libOpenCL.so.1", "libOpenCL.so");
    };

    /** Found through {@link java.util.ServiceLoader}. */
    public OpenClBackend() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        return find().discovery((index, facts) -> facts.info(index, facts.tuning()));
    }

    @Override
    public boolean takes(QuantType type) {
        return Sources.decodes(type);
    }

    @Override
    public Device open(int index, DeviceOptions options) {
        return open(index, options, null);
    }

    /** @param tuning null for the device's own */
    static GpuDevice open(int index, DeviceOptions options, Tuning tuning) {
        Facts facts = find().get("OpenCL", index);
        return new GpuDevice(new OpenClDriver(index, facts, tuning == null ? facts.tuning() : tuning), options);
    }

    private static Found<Facts> find() {
        // The binding prints to standard output when there is no library, so it must not be touched then.
        if (!Found.library(LIBRARIES)) {
            return Found.nothing("no OpenCL on this machine: " + LIBRARIES.getFirst()
                    + " was not found; install the driver of the GPU, or PoCL to run on the processor");
        }
        // Otherwise the binding loads whatever lies under a name that all users of the machine can write.
        System.setProperty("uniqueLibraryNames", "true");
        try {
            CL.setExceptionsEnabled(true);
            return platforms();
        } catch (CLException e) {
            return Found.nothing("no OpenCL platform: " + e.getMessage() + "; install the driver of the GPU");
        } catch (LinkageError e) {
            return Found.nothing("the OpenCL binding cannot be loaded: " + e.getMessage()
                    + "; start Java with --enable-native-access=ALL-UNNAMED");
        }
    }

    private static Found<Facts> platforms() {
        int[] count = new int[1];
        clGetPlatformIDs(0, null, count);
        cl_platform_id[] platforms = new cl_platform_id[count[0]];
        clGetPlatformIDs(platforms.length, platforms, null);
        Found.Search<Facts> search = new Found.Search<>(CLException.class);
        for (int p = 0; p < platforms.length; p++) {
            cl_platform_id handle = platforms[p];
            try {
                String platform = Facts.platformText(handle, CL_PLATFORM_NAME);
                for (cl_device_id device : devices(handle, platform, search)) {
                    search.look("a device of " + platform, () -> Facts.of(handle, device));
                }
            } catch (CLException e) {
                search.reject("platform " + p + " does not answer, " + e.getMessage());
            }
        }
        if (platforms.length == 0) {
            search.reject("no OpenCL platform; install the driver of the GPU");
        }
        return search.found();
    }

    private static cl_device_id[] devices(cl_platform_id platform, String name, Found.Search<Facts> search) {
        int[] count = new int[1];
        try {
            clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, null, count);
        } catch (CLException e) {
            if (e.getStatus() != CL_DEVICE_NOT_FOUND) {
                throw e;
            }
            count[0] = 0;
        }
        if (count[0] == 0) {
            search.reject("platform " + name + ": it has no devices");
            return new cl_device_id[0];
        }
        cl_device_id[] devices = new cl_device_id[count[0]];
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, devices.length, devices, null);
        return devices;
    }
}
