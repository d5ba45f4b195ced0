package org.crema.kernels;

/**
 * What a device reaches at best: the two limits that any kernel is held against.
 *
 * @param bytesPerSecond reading memory that no cache holds
 * @param flopsPerSecond F32 arithmetic in registers, a multiply-add counted as two
 */
public record Rates(double bytesPerSecond, double flopsPerSecond) {
    public Rates {
        if (!(bytesPerSecond > 0 && flopsPerSecond > 0)) {
            throw new IllegalArgumentException("rates must be positive: " + bytesPerSecond + " bytes/s, " + flopsPerSecond
                    + " flops/s");
        }
    }

    /** The least time, in seconds, that work takes which reads so many bytes and computes so much. */
    public double seconds(double bytes, double flops) {
        return Math.max(bytes / bytesPerSecond, flops / flopsPerSecond);
    }
}
