package org.crema;

import java.util.Objects;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.crema.kernels.Cache;
import org.crema.kernels.Precision;
import org.crema.model.placement.PlacementOptions;
import org.crema.model.placement.PlanRequest;

/**
 * How to load a model. Start from {@link #DEFAULT} and change what you need: {@code ModelOptions.DEFAULT.withContext(4096)}.
 *
 * @param device where to run: {@code auto} for the GPUs and the CPU, or one or more ids with commas: {@code opencl:0,cpu}
 * @param context most tokens of a prompt and its answer together; 0 for as many as the model was trained for, up to 8192 and to what
 *     fits in memory
 * @param batch most prompt tokens in one step
 * @param threads threads of the CPU; 0 for one per core
 * @param precision how exact; see {@link Precision}
 * @param cacheType how the attention cache is kept; by default F16, with {@link Precision#F32} F32
 * @param memoryLimit use no more than so many bytes of each device's memory
 * @param groupedRouting choose experts within groups, as DeepSeek's papers say, also for older files
 * @param placement how the devices share the model, where that is not to be found out
 * @param progress is told bytes of weights as they become ready
 */
public record ModelOptions(String device, int context, int batch, int threads, Precision precision,
        Optional<Cache.Type> cacheType,
        long memoryLimit, boolean groupedRouting, PlacementOptions placement, LongConsumer progress) {
    public static final ModelOptions DEFAULT = new ModelOptions("auto", 0, 512, 0, Precision.FAST, Optional.empty(),
            Long.MAX_VALUE, true, PlacementOptions.DEFAULT,
            bytes -> {});

    public ModelOptions {
        Objects.requireNonNull(device);
        Objects.requireNonNull(placement);
        Objects.requireNonNull(progress);
        range("context", context, 0, 1 << 24);
        range("batch", batch, 1, 1 << 16);
        range("threads", threads, 0, 4096);
    }

    private static void range(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " must be " + least + " to " + most + ", not " + value);
        }
    }

    public ModelOptions withDevice(String id) {
        return new ModelOptions(id, context, batch, threads, precision, cacheType, memoryLimit, groupedRouting, placement,
                progress);
    }

    public ModelOptions withContext(int tokens) {
        return new ModelOptions(device, tokens, batch, threads, precision, cacheType, memoryLimit, groupedRouting, placement,
                progress);
    }

    public ModelOptions withBatch(int tokens) {
        return new ModelOptions(device, context, tokens, threads, precision, cacheType, memoryLimit, groupedRouting, placement,
                progress);
    }

    public ModelOptions withThreads(int count) {
        return new ModelOptions(device, context, batch, count, precision, cacheType, memoryLimit, groupedRouting, placement,
                progress);
    }

    public ModelOptions withPrecision(Precision wanted) {
        return new ModelOptions(device, context, batch, threads, wanted, cacheType, memoryLimit, groupedRouting, placement,
                progress);
    }

    public ModelOptions withCacheType(Cache.Type type) {
        return new ModelOptions(device, context, batch, threads, precision, Optional.of(type), memoryLimit, groupedRouting,
                placement,
                progress);
    }

    public ModelOptions withMemoryLimit(long bytes) {
        return new ModelOptions(device, context, batch, threads, precision, cacheType, bytes, groupedRouting, placement,
                progress);
    }

    public ModelOptions withGroupedRouting(boolean on) {
        return new ModelOptions(device, context, batch, threads, precision, cacheType, memoryLimit, on, placement, progress);
    }

    public ModelOptions withPlacement(PlacementOptions how) {
        return new ModelOptions(device, context, batch, threads, precision, cacheType, memoryLimit, groupedRouting, how,
                progress);
    }

    public ModelOptions withProgress(LongConsumer listener) {
        return new ModelOptions(device, context, batch, threads, precision, cacheType, memoryLimit, groupedRouting, placement,
                listener);
    }

    /** The sizes that a model is planned for. */
    public PlanRequest request() {
        return new PlanRequest(context, batch, precision, effectiveCacheType(), progress);
    }

    /** The cache type that these options come to. */
    public Cache.Type effectiveCacheType() {
        return cacheType.orElse(precision == Precision.F32 ? Cache.Type.F32 : Cache.Type.F16);
    }
}
