package org.crema.model.placement;

import org.crema.kernels.Device;
import org.crema.kernels.DeviceInfo;

/**
 * Memory that a model takes of one device.
 *
 * @param device which
 * @param footprint what compiling allocates
 * @param mapped bytes of tensors that are used where the file is mapped; the system reads them into main memory as they are needed
 * @param free bytes that the device has free
 * @param margin bytes of those to leave free
 */
public record Usage(DeviceInfo device, Device.Footprint footprint, long mapped, long free, long margin) {
    /** Bytes in all. */
    public long need() {
        return footprint.total() + mapped;
    }

    /** Bytes that a plan may use. */
    public long have() {
        return Math.max(0, free - margin);
    }

    /** Whether all of this lies in main memory. */
    public boolean inMainMemory() {
        return device.kind() != DeviceInfo.Kind.DISCRETE;
    }
}
