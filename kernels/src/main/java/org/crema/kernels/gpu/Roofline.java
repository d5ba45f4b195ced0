package org.crema.kernels.gpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.Cache;
import org.crema.kernels.Rates;
import org.crema.kernels.Weight;
import org.crema.kernels.gpu.Call.Argument.Shared;

/** Measures what a device reaches, by its own clock. */
final class Roofline<B> {
    /** Of the buffer that is read, where the device allows it: more than the caches hold. */
    private static final long MOST_BYTES = 512L << 20;
    private static final long MOST_UPLOAD = 64L << 20;
    private static final int ALIGNMENT = 64;
    /** Part of the memory that is taken at most. */
    private static final int SHARE = 32;
    /** Cells that a work-item reads, as vectors of four. */
    private static final int READS = 64;
    private static final int TURNS = 4096;
    /** Work-items of a group at least; what a group reads in a turn lies together. */
    private static final int LEAST_GROUP = 64;
    /** Operations of a work-item in a turn: four chains of sixteen multiply-adds. */
    private static final int FLOPS = 2 * 4 * 16;
    /** Turns of products, and operations of a work-item in one. */
    private static final int PRODUCT_TURNS = 256;
    private static final int PRODUCTS = 2 * 1024;
    /** Work-items of a compute unit. */
    private static final int ITEMS = 4096;
    private static final int ROUNDS = 6;
    /** Nanoseconds after which no further round begins. */
    private static final long PATIENCE = 1_000_000_000;

    private final Queue<B> queue;
    private final int group;
    private final int units;
    private final long bytes;
    private final B cells;
    private final Map<String, Integer> constants;

    /** @param queue with profile */
    Roofline(Queue<B> queue, Driver driver) {
        this.queue = queue;
        constants = Map.of("WIDE_SUMS", driver.tuning().constants().get("WIDE_SUMS"));
        group = Math.max(LEAST_GROUP, driver.tuning().rowGroup());
        units = driver.capacity().units();
        long unit = 16L * READS * group;
        bytes = Math.min(Math.min(MOST_BYTES, driver.info().memoryBytes() / SHARE), driver.capacity().largestBinding()) / unit
                * unit;
        cells = queue.allocate(bytes);
    }

    Rates measure() {
        queue.fill(cells, 0);
        long reads = bytes / (16L * READS * group);
        long groups = Math.ceilDiv((long) ITEMS * units, group);
        double reading = best("read_all", READS, reads);
        double computing = best("multiply_adds", TURNS, groups);
        double multiplying = best("products", PRODUCT_TURNS, groups);
        return new Rates(bytes / reading, (double) FLOPS * TURNS * groups * group / computing,
                (double) PRODUCTS * PRODUCT_TURNS * groups * group / multiplying);
    }

    /** Bytes per second from memory of this process that is not the driver's, as mapped files are. */
    static <T> double upload(Queue<T> queue, Driver driver) {
        long size = Math.min(MOST_UPLOAD, Math.min(driver.info().memoryBytes() / SHARE, driver.capacity().largestBinding()));
        T buffer = queue.allocate(size);
        long best = Long.MAX_VALUE;
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment from = scope.allocate(size, ALIGNMENT).fill((byte) 1);
            for (int round = 0; round < ROUNDS; round++) {
                long start = System.nanoTime();
                queue.write(buffer, 0, from);
                queue.finish();
                best = Math.min(best, System.nanoTime() - start);
            }
        }
        return size / (1e-9 * Math.max(1, best));
    }

    /** Seconds of the quickest run. */
    private double best(String entry, int turns, long groups) {
        Call call = new Call(List.of(), "measuring", new Kernels("roofline", "roofline/roofline", Optional.empty(), constants),
                entry,
                group, (_, counts) -> {
                    Arrays.fill(counts, 1);
                    counts[0] = groups;
                }).arg(Shared.ARENA).arg(turns);
        Part part = queue.part(List.of(call), new Cells());
        Counts none = new Counts();
        long best = Long.MAX_VALUE;
        long start = System.nanoTime();
        for (int round = 0; round == 0 || (round < ROUNDS && System.nanoTime() - start < PATIENCE); round++) {
            part.run(none);
            queue.finish();
            long[] nanos = new long[1];
            part.addTimes(nanos);
            best = Math.min(best, nanos[0]);
        }
        return 1e-9 * best;
    }

    /** There is nothing but the cells. */
    private final class Cells implements Binding<B> {
        @Override
        public B shared(Shared which) {
            return cells;
        }

        @Override
        public B weight(Weight weight) {
            throw new IllegalStateException("no weights here");
        }

        @Override
        public B cache(Cache cache) {
            throw new IllegalStateException("no caches here");
        }
    }
}
