package org.crema.kernels.gpu;

import static org.crema.kernels.gpu.Tuning.AMD_WAVE32;
import static org.crema.kernels.gpu.Tuning.AMD_WAVE64;
import static org.crema.kernels.gpu.Tuning.INTEL;
import static org.crema.kernels.gpu.Tuning.NVIDIA;
import static org.crema.kernels.gpu.Tuning.OTHER;

import java.util.List;

/** Which tuning is for which device. */
public final class Vendors {
    private Vendors() {}

    /** A row of the vendor table. */
    private record Vendor(String word, Tuning tuning) {}

    private static final List<Vendor> VENDORS = List.of(new Vendor("advanced micro devices", AMD_WAVE64),
            new Vendor("amd", AMD_WAVE64), new Vendor("nvidia", NVIDIA), new Vendor("intel", INTEL));

    /**
     * The tuning for a device.
     *
     * @param processor whether the device is the CPU
     * @param units its compute units
     * @param vendor as the device says
     * @param wave wave size as the device says, 0 if it does not
     * @param largestGroup most work-items of a group
     */
    public static Tuning of(boolean processor, int units, String vendor, int wave, long largestGroup) {
        if (processor) {
            return Tuning.processor(units);
        }
        Tuning found = OTHER;
        for (Vendor candidate : VENDORS.reversed()) {
            if (vendor.toLowerCase(java.util.Locale.ROOT).contains(candidate.word())) {
                found = candidate.tuning();
            }
        }
        if (found.equals(AMD_WAVE64) && wave == 32) {
            found = AMD_WAVE32;
        }
        return found.largest() <= largestGroup ? found : OTHER;
    }
}
