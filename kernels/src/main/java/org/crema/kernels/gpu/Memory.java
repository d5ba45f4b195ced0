package org.crema.kernels.gpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Cache;
import org.crema.kernels.Guards;
import org.crema.kernels.Rotation;
import org.crema.kernels.Weight;

/** The buffers of an executable; its queue frees them. */
final class Memory<B> implements Binding<B> {
    /** Weights that are no native memory go to the device in pieces of this size. */
    private static final int PIECE = 1 << 22;

    private final Plan plan;
    private final Queue<B> queue;
    private final Map<Weight, B> weights = new HashMap<>();
    private final Map<Cache, B> caches = new HashMap<>();
    /** Keeps what in-place buffers point to. */
    private final List<MemorySegment> mapped = new ArrayList<>();
    private final B arena;
    private final B constants;
    private final B step;

    /** Allocates everything, then fills it: what does not fit is refused before anything is copied. */
    Memory(Plan plan, Queue<B> queue) {
        this.plan = plan;
        this.queue = queue;
        arena = filled(plan.arenaBytes());
        if (plan.ticketBytes() > 0) {
            try (Arena scope = Arena.ofConfined()) {
                queue.write(arena, plan.ticketsAt(), scope.allocate(plan.ticketBytes()));
            }
        }
        step = queue.allocate(plan.stepBytes());
        constants = queue.allocate(plan.constantBytes());
        plan.caches().forEach(cache -> caches.put(cache, filled(plan.cacheBytes(cache))));
        List<Weight> copies = plan.weights().stream().filter(weight -> !plan.inPlace(weight)).toList();
        List<Long> sizes = copies.stream().map(Weight::bytes).toList();
        // With guards each by itself, so that tools see what is read beyond one.
        List<B> copied = plan.options().guardBytes() > 0
                ? sizes.stream().map(queue::allocate).toList()
                : queue.allocateAll(sizes);
        for (int i = 0; i < copies.size(); i++) {
            weights.put(copies.get(i), copied.get(i));
        }
        plan.weights().stream().filter(plan::inPlace).forEach(weight -> weights.put(weight, inPlace(weight)));
        List<B> slabs = plan.slabs().stream().map(queue::allocate).toList();
        for (List<Weight> stream : plan.streams()) {
            for (int i = 0; i < stream.size(); i++) {
                weights.put(stream.get(i), slabs.get(i));
            }
        }
        fillConstants();
        for (Weight weight : plan.weights()) {
            if (!plan.inPlace(weight)) {
                copy(weight, weights.get(weight));
            }
            plan.options().progress().accept(weight.bytes());
        }
        queue.finish();
    }

    @Override
    public B shared(Call.Argument.Shared which) {
        return switch (which) {
            case ARENA -> arena;
            case CONSTANTS -> constants;
            case STEP -> step;
        };
    }

    @Override
    public B weight(Weight weight) {
        return weights.get(weight);
    }

    @Override
    public B cache(Cache cache) {
        return caches.get(cache);
    }

    /** Filling also makes sure that the memory is there: drivers allocate when a buffer is first used. */
    private B filled(long bytes) {
        B buffer = queue.allocate(bytes);
        queue.fill(buffer, plan.options().guardBytes() > 0 ? Guards.WORD : 0);
        queue.finish();
        return buffer;
    }

    private B inPlace(Weight weight) {
        mapped.add(weight.data());
        return queue.map(weight.data().asSlice(0, weight.offset(weight.count() - 1, weight.rows())));
    }

    /** Brings the tensors that a part does not find on the device. */
    void stream(int part) {
        plan.streams().get(part).forEach(weight -> copy(weight, weights.get(weight)));
    }

    /** Matrices without the gaps between them. */
    private void copy(Weight weight, B buffer) {
        long matrix = weight.rows() * weight.rowBytes();
        if (weight.matrixStride() == matrix) {
            upload(buffer, 0, weight.data().asSlice(0, weight.bytes()));
        } else {
            for (int m = 0; m < weight.count(); m++) {
                upload(buffer, m * matrix, weight.data().asSlice(weight.offset(m, 0), matrix));
            }
        }
    }

    private void upload(B buffer, long at, MemorySegment data) {
        if (data.isNative()) {
            queue.write(buffer, at, data);
            return;
        }
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment piece = scope.allocate(Math.min(PIECE, data.byteSize()));
            for (long done = 0; done < data.byteSize(); done += PIECE) {
                long bytes = Math.min(PIECE, data.byteSize() - done);
                MemorySegment.copy(data, done, piece, 0, bytes);
                queue.write(buffer, at + done, piece.asSlice(0, bytes));
            }
        }
    }

    private void fillConstants() {
        try (Arena scope = Arena.ofConfined()) {
            MemorySegment cells = scope.allocate(plan.constantBytes(), 8);
            plan.vectors().forEach((weight, at) -> {
                float[] values = new float[weight.columns()];
                weight.type().codec().decode(weight.data(), weight.offset(0, 0), values, 0, values.length);
                MemorySegment.copy(values, 0, cells, ValueLayout.JAVA_FLOAT, 4L * at, values.length);
                plan.options().progress().accept(weight.bytes());
            });
            plan.rotations().forEach((rotation, at) -> {
                for (int i = 0; i < rotation.frequencies().size(); i++) {
                    cells.set(ValueLayout.JAVA_LONG, 4L * at + 8L * i, turns(rotation, i));
                }
            });
            queue.write(constants, 0, cells);
        }
    }

    /** Turns per position, as a fraction of 2^64. */
    static long turns(Rotation rotation, int pair) {
        double turns = rotation.frequencies().get(pair) / (2 * Math.PI);
        double part = turns - Math.floor(turns);
        // 2^64 does not fit a long, twice 2^63 wraps around as it should.
        return 2 * (long) (part * 0x1p63);
    }

    /** What writes outside of slots and cache pages have destroyed. */
    List<String> damage() {
        if (plan.options().guardBytes() == 0) {
            return List.of();
        }
        List<String> damage = new ArrayList<>();
        try (Arena scope = Arena.ofConfined()) {
            damage.addAll(Guards.damage(plan.layout(), read(arena, plan.arenaBytes(), scope)));
            caches.forEach((cache, buffer) -> {
                long used = cache.bytes(plan.options().cacheType(), plan.limits());
                long all = plan.cacheBytes(cache);
                damage.addAll(Guards.damage("after " + cache, read(buffer, all, scope), used, all - used));
            });
        }
        return damage;
    }

    private MemorySegment read(B buffer, long bytes, Arena scope) {
        MemorySegment copy = scope.allocate(bytes, 8);
        queue.read(buffer, 0, copy);
        return copy;
    }

    /** Whether the memory behind all weights that are used in place is still there. */
    boolean alive() {
        for (MemorySegment segment : mapped) {
            if (!segment.scope().isAlive()) {
                return false;
            }
        }
        return true;
    }
}
