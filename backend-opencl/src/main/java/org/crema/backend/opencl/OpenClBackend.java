package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
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

    /** What was found: usable devices, and in words what is not. */
    private record Found(List<Facts> devices, List<String> rejections) {}

    /** Found through {@link java.util.ServiceLoader}. */
    public OpenClBackend() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Discovery discover() {
        Found found = find();
        List<DeviceInfo> devices = new ArrayList<>();
        for (int i = 0; i < found.devices().size(); i++) {
            Facts facts = found.devices().get(i);
            devices.add(facts.info(i, facts.tuning()));
        }
        return new Discovery(devices, found.rejections());
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
        Found found = find();
        if (index < 0 || index >= found.devices().size()) {
            throw new DeviceException("there is no OpenCL device " + index + "; found " + found.devices().size()
                    + (found.rejections().isEmpty() ? "" : ", rejected: " + String.join("; ", found.rejections())));
        }
        Facts facts = found.devices().get(index);
        return new GpuDevice(new OpenClDriver(index, facts, tuning == null ? facts.tuning() : tuning), options);
    }

    private static Found find() {
        // The binding prints to standard output when there is no library, so it must not be touched then.
        if (LIBRARIES.stream().noneMatch(OpenClBackend::present)) {
            return new Found(List.of(), List.of("no OpenCL on this machine: " + LIBRARIES.getFirst()
                    + " was not found; install the driver of the GPU, or PoCL to run on the processor"));
        }
        // Otherwise the binding loads whatever lies under a name that all users of the machine can write.
        System.setProperty("uniqueLibraryNames", "true");
        try {
            CL.setExceptionsEnabled(true);
            return platforms();
        } catch (CLException e) {
            return new Found(List.of(), List.of("no OpenCL platform: " + e.getMessage() + "; install the driver of the GPU"));
        } catch (LinkageError e) {
            return new Found(List.of(), List.of("the OpenCL binding cannot be loaded: " + e.getMessage()
                    + "; start Java with --enable-native-access=ALL-UNNAMED"));
        }
    }

    private static boolean present(String library) {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup.libraryLookup(library, arena);
            return true;
        } catch (IllegalArgumentException absent) {
            return false;
        }
    }

    private static Found platforms() {
        int[] count = new int[1];
        clGetPlatformIDs(0, null, count);
        cl_platform_id[] platforms = new cl_platform_id[count[0]];
        clGetPlatformIDs(platforms.length, platforms, null);
        List<Facts> gpus = new ArrayList<>();
        List<Facts> others = new ArrayList<>();
        List<String> rejections = new ArrayList<>();
        for (int p = 0; p < platforms.length; p++) {
            try {
                String platform = Facts.platformText(platforms[p], CL_PLATFORM_NAME);
                for (cl_device_id device : devices(platforms[p], platform, rejections)) {
                    try {
                        Facts facts = Facts.of(platforms[p], device);
                        String rejection = facts.rejection();
                        if (rejection.isEmpty()) {
                            (facts.processor() ? others : gpus).add(facts);
                        } else {
                            rejections.add(facts.name() + " of " + platform + ": " + rejection);
                        }
                    } catch (CLException e) {
                        rejections.add("a device of " + platform + ": it does not answer, " + e.getMessage());
                    }
                }
            } catch (CLException e) {
                rejections.add("platform " + p + ": it does not answer, " + e.getMessage());
            }
        }
        if (platforms.length == 0) {
            rejections.add("no OpenCL platform; install the driver of the GPU");
        }
        gpus.addAll(others);
        return new Found(gpus, rejections);
    }

    private static cl_device_id[] devices(cl_platform_id platform, String name, List<String> rejections) {
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
            rejections.add("platform " + name + ": it has no devices");
            return new cl_device_id[0];
        }
        cl_device_id[] devices = new cl_device_id[count[0]];
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, devices.length, devices, null);
        return devices;
    }
}
