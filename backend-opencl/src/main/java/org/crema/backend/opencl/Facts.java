package org.crema.backend.opencl;

import static org.jocl.CL.*;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Capacity;
import org.crema.kernels.gpu.Found;
import org.crema.kernels.gpu.HostMemory;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.gpu.Vendors;
import org.jocl.CLException;
import org.jocl.Pointer;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/**
 * What a device says about itself.
 *
 * @param handle the device
 * @param platformHandle its platform
 * @param processor whether it is the CPU
 * @param maxAllocation most bytes of one buffer
 * @param localMemory bytes of local memory of a work-group
 */
record Facts(cl_device_id handle, cl_platform_id platformHandle, String platform, String name, String vendor, String driver,
        String version, boolean processor, boolean unified, int units, long maxGroup, long memory, long maxAllocation,
        long localMemory, int wave, boolean fp64, boolean fp16, boolean littleEndian, boolean available,
        boolean compiler) implements Found.Facts {
    // cl_amd_device_attribute_query
    private static final int DEVICE_BOARD_NAME_AMD = 0x4038;
    private static final int DEVICE_WAVEFRONT_WIDTH_AMD = 0x4043;
    private static final int DEVICE_GLOBAL_FREE_MEMORY_AMD = 0x4039;
    // cl_nv_device_attribute_query
    private static final int DEVICE_WARP_SIZE_NV = 0x4003;

    @SuppressWarnings("deprecation") // OpenCL 1.2 has no other word for shared memory
    static Facts of(cl_platform_id platform, cl_device_id device) {
        String extensions = " " + text(device, CL_DEVICE_EXTENSIONS) + " ";
        boolean amd = extensions.contains(" cl_amd_device_attribute_query ");
        boolean nvidia = extensions.contains(" cl_nv_device_attribute_query ");
        int wave = amd
                ? (int) number(device, DEVICE_WAVEFRONT_WIDTH_AMD, 4)
                : nvidia ? (int) number(device, DEVICE_WARP_SIZE_NV, 4) : 0;
        String name = text(device, CL_DEVICE_NAME);
        return new Facts(device, platform, platformText(platform, CL_PLATFORM_NAME),
                amd ? text(device, DEVICE_BOARD_NAME_AMD) + " (" + name + ")" : name, text(device, CL_DEVICE_VENDOR),
                text(device, CL_DRIVER_VERSION), text(device, CL_DEVICE_VERSION),
                (number(device, CL_DEVICE_TYPE, 8) & CL_DEVICE_TYPE_CPU) != 0,
                number(device, CL_DEVICE_HOST_UNIFIED_MEMORY, 4) != 0, (int) number(device, CL_DEVICE_MAX_COMPUTE_UNITS, 4),
                number(device, CL_DEVICE_MAX_WORK_GROUP_SIZE, 8), number(device, CL_DEVICE_GLOBAL_MEM_SIZE, 8),
                number(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8), number(device, CL_DEVICE_LOCAL_MEM_SIZE, 8), wave,
                extensions.contains(" cl_khr_fp64 "), extensions.contains(" cl_khr_fp16 "),
                number(device, CL_DEVICE_ENDIAN_LITTLE, 4) != 0, number(device, CL_DEVICE_AVAILABLE, 4) != 0,
                number(device, CL_DEVICE_COMPILER_AVAILABLE, 4) != 0);
    }

    @Override
    public String label() {
        return name + " of " + platform;
    }

    @Override
    public String rejection() {
        if (!available) {
            return "the driver says that it is not available";
        }
        if (!compiler) {
            return "its driver has no compiler";
        }
        if (!littleEndian) {
            return "it is big-endian, model files are little-endian";
        }
        if (version.startsWith("OpenCL 1.0") || version.startsWith("OpenCL 1.1")) {
            return "it offers " + version + ", at least OpenCL 1.2 is needed";
        }
        if (maxGroup < Tuning.OTHER.largest()) {
            return "its work-groups have at most " + maxGroup + " work-items, " + Tuning.OTHER.largest() + " are needed";
        }
        return "";
    }

    DeviceInfo.Kind kind() {
        return processor ? DeviceInfo.Kind.HOST : unified ? DeviceInfo.Kind.INTEGRATED : DeviceInfo.Kind.DISCRETE;
    }

    Tuning tuning() {
        return Vendors.of(processor, units, vendor, wave, maxGroup);
    }

    Capacity capacity() {
        return new Capacity(units, localMemory, processor, maxAllocation, maxAllocation, this::inPlace);
    }

    /** Whether a tensor is used where it is mapped. Kernels read fields of 4 bytes of plain types at once. */
    private boolean inPlace(Weight weight) {
        return processor && (weight.planned() || (weight.data().isNative() && weight.data().address() % Integer.BYTES == 0
                && weight.matrixStride() % Short.BYTES == 0));
    }

    /** Bytes that are free now, as far as the driver tells. */
    long free() {
        if (processor) {
            return Math.min(memory, HostMemory.free());
        }
        try {
            // In KiB; the second number is the largest block.
            return Math.min(memory, number(handle, DEVICE_GLOBAL_FREE_MEMORY_AMD, 16) * 1024);
        } catch (CLException notTold) {
            return memory;
        }
    }

    DeviceInfo info(int index, Tuning tuning) {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("platform", platform);
        details.put("vendor", vendor);
        details.put("driver", driver);
        details.put("version", version);
        details.put("compute units", Integer.toString(units));
        details.put("local memory", localMemory / 1024 + " KiB");
        details.put("largest buffer", (maxAllocation >> 20) + " MiB");
        details.put("wave size", wave == 0 ? "not told" : Integer.toString(wave));
        details.put("arithmetic", "F32" + (fp64 ? ", F64" : "") + (fp16 ? ", F16" : ""));
        details.put("tuned as", tuning.name());
        return new DeviceInfo(OpenClBackend.NAME, index, name, kind(), memory, free(), details);
    }

    private static String text(cl_device_id device, int what) {
        long[] size = new long[1];
        clGetDeviceInfo(device, what, 0, null, size);
        byte[] bytes = new byte[(int) size[0]];
        clGetDeviceInfo(device, what, bytes.length, Pointer.to(bytes), null);
        return trimmed(bytes);
    }

    /** Whether writes have to be waited for: oclgrind 21.10 loses track of those that are not, and of its memory with them. */
    boolean waits() {
        return platform.equals("Oclgrind");
    }

    static String platformText(cl_platform_id platform, int what) {
        long[] size = new long[1];
        clGetPlatformInfo(platform, what, 0, null, size);
        byte[] bytes = new byte[(int) size[0]];
        clGetPlatformInfo(platform, what, bytes.length, Pointer.to(bytes), null);
        return trimmed(bytes);
    }

    private static String trimmed(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8).replace("\0", "").trim();
    }

    /** The first number of an answer of up to 16 bytes, unsigned if it has 4. */
    private static long number(cl_device_id device, int what, int bytes) {
        long[] value = new long[2];
        clGetDeviceInfo(device, what, bytes, Pointer.to(value), null);
        return value[0];
    }
}
