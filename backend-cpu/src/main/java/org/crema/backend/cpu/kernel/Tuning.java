package org.crema.backend.cpu.kernel;

import org.crema.kernels.quant.QuantType;

/**
 * How a mat-vec walks over the rows; which values are best depends on the CPU's prefetchers (docs/cpu-kernels.md).
 *
 * @param together whether several rows share each load of activations; otherwise one row after the other
 * @param far whether rows that are worked on together lie far apart ({@code r} and {@code r + n/2}) instead of side by side
 */
public record Tuning(boolean together, boolean far) {
    /** One row after the other. */
    public static final Tuning SINGLE = new Tuning(false, false);
    /** Neighbouring rows together. */
    public static final Tuning NEAR = new Tuning(true, false);
    /** Distant rows together. */
    public static final Tuning FAR = new Tuning(true, true);

    /** The values used unless something better was measured. */
    public static Tuning usual(QuantType type) {
        return type.blockSize() == 256 ? SINGLE : FAR;
    }
}
