package org.crema.kernels;

/**
 * What a device reaches at best: the limits that any kernel is held against.
 *
 * @param bytesPerSecond reading memory that no cache holds
 * @param flopsPerSecond F32 arithmetic in registers, a multiply-add counted as two
 * @param productsPerSecond operations of products of many rows with quantised weights in {@link Precision#FAST}: in integers, short floats
 *     or tensor cores where the device's kernels use them, else in F32; never less than F32 gives
 */
public record Rates(double bytesPerSecond, double flopsPerSecond, double productsPerSecond) {
    public Rates {
        productsPerSecond = Math.max(productsPerSecond, flopsPerSecond);
        if (!(bytesPerSecond > 0 && flopsPerSecond > 0 && productsPerSecond > 0)) {
            throw new IllegalArgumentException("rates must be positive: %s bytes/s, %s flops/s, %s operations/s in products"
                    .formatted(bytesPerSecond, flopsPerSecond, productsPerSecond));
        }
    }

    /** Of a device that multiplies in F32 whatever the precision. */
    public Rates(double bytesPerSecond, double flopsPerSecond) {
        this(bytesPerSecond, flopsPerSecond, flopsPerSecond);
    }

    /** The better one of each. */
    public Rates best(Rates other) {
        return new Rates(Math.max(bytesPerSecond, other.bytesPerSecond), Math.max(flopsPerSecond, other.flopsPerSecond),
                Math.max(productsPerSecond, other.productsPerSecond));
    }

    /**
     * The least time, in seconds, that work takes which reads so many bytes and computes so much.
     *
     * @param products of the operations, those of products with quantised weights
     */
    public double seconds(double bytes, double operations, double products, Precision precision) {
        double rate = precision == Precision.FAST ? productsPerSecond : flopsPerSecond;
        return Math.max(bytes / bytesPerSecond, (operations - products) / flopsPerSecond + products / rate);
    }
}
