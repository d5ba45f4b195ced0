package org.crema.kernels;

import java.util.List;
import org.crema.kernels.quant.QuantType;

/**
 * A way to run programs: the CPU, CUDA, OpenCL, Vulkan, or the plain reference. Found through {@link java.util.ServiceLoader}; making
 * one touches no native library.
 */
public interface Backend {
    /** Short lower-case name, as in {@code --device cuda:0}. */
    String name();

    /** Looks for devices. Never throws: a missing driver or an unfit device is a rejection with its reason. */
    Discovery discover();

    /**
     * Opens a device.
     *
     * @param index as in {@link DeviceInfo#index}
     * @throws DeviceException if there is no such device or it cannot be used
     */
    Device open(int index, DeviceOptions options);

    /** Whether it has kernels for tensors of a type, whatever the device. */
    default boolean takes(QuantType type) {
        return true;
    }

    /** What was found: devices that can be opened, and in words what cannot. */
    record Discovery(List<DeviceInfo> devices, List<String> rejections) {
        public Discovery {
            devices = List.copyOf(devices);
            rejections = List.copyOf(rejections);
        }
    }
}
