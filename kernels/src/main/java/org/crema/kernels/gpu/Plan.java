package org.crema.kernels.gpu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.crema.kernels.Cache;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device.Footprint;
import org.crema.kernels.Layout;
import org.crema.kernels.Limits;
import org.crema.kernels.Op;
import org.crema.kernels.Precision;
import org.crema.kernels.Program;
import org.crema.kernels.Rotation;
import org.crema.kernels.Slot;
import org.crema.kernels.Step;
import org.crema.kernels.View;
import org.crema.kernels.Weight;
import org.crema.kernels.quant.QuantType;

/** All memory of an executable, from shapes alone: what is counted for a footprint is what the backend allocates. */
public final class Plan {
    /** Of whatever lies in a buffer, in bytes. */
    private static final int ALIGNMENT = 256;
    /** Guards are checked in words. */
    private static final int WORD = 4;

    private final CompileOptions options;
    private final Capacity capacity;
    private final Features features;
    /** Views that products take in int8, with the rows of the largest step in which they do. */
    private final Map<View, Integer> int8Rows = new LinkedHashMap<>();
    private final Fusion fusion;
    private final Layout layout;
    private final long logits;
    private final long order;
    private final long partials;
    private final long int8;
    private final long int8Bytes;
    private final long tickets;
    private final long ticketBytes;
    private final long best;
    private final long arenaBytes;
    private final Set<Weight> weights = new LinkedHashSet<>();
    /** Of each part, the tensors that come when it runs; those of the same place in all lists share memory. */
    private final List<List<Weight>> streams = new ArrayList<>();
    private final Set<Cache> caches = new LinkedHashSet<>();
    private final Map<Weight, Integer> vectors = new LinkedHashMap<>();
    private final Map<Rotation, Integer> rotations = new LinkedHashMap<>();
    private int constants;
    private final long largestExchange;

    public Plan(List<Program> parts, CompileOptions options, Capacity capacity, Tuning tuning, Features features) {
        this.options = options;
        this.capacity = capacity;
        this.features = features;
        parts.forEach(part -> part.ops().forEach(op -> int8Rows(op, tuning)));
        this.fusion = new Fusion(parts, features, int8Rows::containsKey);
        this.layout = new Layout(parts, part -> fusion.groups(part).stream().map(Fusion.Group::ops).toList(), limits(), ALIGNMENT,
                options.guardBytes());
        long logitBytes = 0;
        long orderBytes = 0;
        long partialBytes = 0;
        for (Program part : parts) {
            for (Op op : part.ops()) {
                constants(op);
                op.cache().ifPresent(caches::add);
                switch (op) {
                    case Op.GateExperts gate ->
                        logitBytes = Math.max(logitBytes, 4L * limits().tokens() * gate.routing().experts());
                    case Op.ExpertMatMul product -> orderBytes = Math.max(orderBytes, 4L * orderCells(product, tuning));
                    case Op.Attention attention ->
                        partialBytes = Math.max(partialBytes, AttentionShape.of(attention, tuning, capacity)
                                .partialBytes(limits()));
                    case Op.LatentAttention attention ->
                        partialBytes = Math.max(partialBytes, AttentionShape.of(attention, tuning,
                                capacity).partialBytes(limits()));
                    default -> {
                    }
                }
            }
        }
        for (Program part : parts) {
            streams.add(part.tensors().stream().filter(weights::contains).filter(options.streamed()::contains)
                    .filter(weight -> !inPlace(weight)).toList());
        }
        streams.forEach(weights::removeAll);
        checkStreams();
        logits = align(layout.bytes());
        order = logits + align(logitBytes);
        partials = order + align(orderBytes);
        int8 = partials + align(partialBytes);
        int8Bytes = int8Rows.entrySet().stream().mapToLong(rows -> align(4L * Int8Rows.rowCells(rows.getKey().width()) * rows
                .getValue())).max().orElse(0);
        tickets = int8 + Int8Rows.REGIONS * int8Bytes;
        ticketBytes = features.has(Features.Kernel.LAST_GROUP)
                ? align(4L * Math.max(Compiler.ROUTED_ROWS, AttentionShape.mostTickets(tuning, capacity)))
                : 0;
        best = tickets + ticketBytes;
        long bestBytes = features.has(Features.Kernel.BEST) ? align(4L * outputRows(parts)) : 0;
        // Never empty: there is no buffer of 0 bytes.
        arenaBytes = Math.max(ALIGNMENT, best + bestBytes);
        largestExchange = exchange(parts);
    }

    /** Most rows of a slot that is read from outside. */
    private int outputRows(List<Program> parts) {
        return parts.stream().flatMap(part -> part.outputs().stream()).mapToInt(slot -> slot.rows().most(limits())).max()
                .orElse(0);
    }

    /** A kernel's arguments are set once, so a tensor that several parts read comes to the same place for all of them. */
    private void checkStreams() {
        Map<Weight, Integer> places = new HashMap<>();
        for (List<Weight> stream : streams) {
            for (int i = 0; i < stream.size(); i++) {
                int place = i;
                if (places.computeIfAbsent(stream.get(i), weight -> place) != place) {
                    throw new IllegalArgumentException(stream.get(i)
                            + " cannot be streamed: parts read it at different places among their streamed tensors");
                }
            }
        }
    }

    private void int8Rows(Op op, Tuning tuning) {
        boolean tiles = tuning.tiles() && !features.has(Features.Kernel.INT8_TILES);
        int most = tiles ? tuning.mostMatvecRows() : Integer.MAX_VALUE;
        switch (op) {
            case Op.MatMul product -> int8Rows(product.weight(), product.in(), most);
            case Op.ExpertMatMul product -> {
                int pairs = tiles ? Products.sortedFrom(product) - 1 : Integer.MAX_VALUE;
                boolean perPair = product.in().rows().equals(product.out().rows());
                int8Rows(product.weight(), product.in(), perPair ? pairs : Math.ceilDiv(pairs, product.ids().width()));
            }
            default -> {
            }
        }
    }

    private void int8Rows(Weight weight, View in, int most) {
        if (int8(weight, in)) {
            int8Rows.merge(in, Math.min(most, in.rows().most(limits())), Math::max);
        }
    }

    /** Whether products of a type take activations in int8, where the number of columns allows it. */
    boolean int8(QuantType type) {
        return options.precision() == Precision.FAST && features.int8().test(type);
    }

    /** Whether mat-vecs of a type may make their activations int8. */
    boolean int8Within(QuantType type) {
        return options.precision() == Precision.FAST && features.int8Within().test(type);
    }

    /** Whether a product of these takes activations in int8. */
    boolean int8(Weight weight, View in) {
        return int8(weight.type()) && weight.columns() % Int8Rows.BLOCK == 0 && in.width() % Int8Rows.BLOCK == 0;
    }

    /** Rows of the largest step in which products take a view in int8; 0 if none does. */
    int int8Rows(View view) {
        return int8Rows.getOrDefault(view, 0);
    }

    /** Cell of a region for rows in int8. */
    int int8Region(int region) {
        return cell(int8 + region * int8Bytes);
    }

    /** The view that products take in int8 and that has the same columns as another one, if there is one. */
    Optional<View> int8View(View written) {
        return int8Rows.keySet().stream().filter(view -> written.contiguous() && view.contiguous() && view.slot().equals(written
                .slot()) && view.first() == written.first() && view.width() == written.width()).findFirst();
    }

    /** The largest slot that is read or written from outside. */
    private long exchange(List<Program> parts) {
        long most = WORD;
        for (Program part : parts) {
            List<Slot> slots = new ArrayList<>(part.inputs());
            slots.addAll(part.outputs());
            for (Slot slot : slots) {
                most = Math.max(most, slot.bytes(slot.rows().most(limits())));
            }
        }
        return most;
    }

    private void constants(Op op) {
        switch (op) {
            case Op.RmsNorm norm -> vector(norm.weight());
            case Op.MatMul product -> {
                weights.add(product.weight());
                product.bias().ifPresent(this::vector);
            }
            case Op.GateExperts gate -> {
                weights.add(gate.router());
                gate.bias().ifPresent(this::vector);
            }
            case Op.Rope rope -> rotations.computeIfAbsent(rope.rotation(), r -> reserve(2 * r.frequencies().size()));
            case Op.Embed _,Op.HeadMatMul _,Op.ExpertMatMul _ -> weights.addAll(op.tensors());
            case Op.CacheWrite _,Op.Attention _,Op.LatentAttention _,Op.SwiGlu _,Op.ExpertSum _,Op.Add _,Op.SelectRows _ -> {
            }
        }
    }

    private void vector(Weight weight) {
        vectors.computeIfAbsent(weight, w -> reserve(w.columns()));
    }

    private int reserve(int cells) {
        int at = constants;
        // Even, for numbers of 8 bytes.
        constants = Math.addExact(at, (cells + 1) & -2);
        return at;
    }

    /** Most tiles that the pairs of a step make when they are sorted by expert. */
    static int mostTiles(Op.ExpertMatMul op, Limits limits, Tuning tuning) {
        int pairs = op.out().rows().most(limits);
        return Math.min(pairs, pairs / tuning.sortedTile() + op.weight().count());
    }

    private int orderCells(Op.ExpertMatMul op, Tuning tuning) {
        return 2 + 3 * mostTiles(op, limits(), tuning) + op.out().rows().most(limits());
    }

    public CompileOptions options() {
        return options;
    }

    public Limits limits() {
        return options.limits();
    }

    Fusion fusion() {
        return fusion;
    }

    public Layout layout() {
        return layout;
    }

    public long arenaBytes() {
        return arenaBytes;
    }

    public long constantBytes() {
        return 4L * Math.max(2, constants);
    }

    public long stepBytes() {
        return 4 * Step.size(limits());
    }

    /** Bytes of host memory that slots are copied through. */
    public long exchangeBytes() {
        return largestExchange;
    }

    public long cacheBytes(Cache cache) {
        return (cache.bytes(options.cacheType(), limits()) + options.guardBytes() + WORD - 1) & -WORD;
    }

    /** Of each part, the tensors that come when it runs; those of the same place in all lists share memory. */
    List<List<Weight>> streams() {
        return streams;
    }

    /** Bytes of the memory that streamed tensors share, by their place. */
    List<Long> slabs() {
        List<Long> slabs = new ArrayList<>();
        for (List<Weight> stream : streams) {
            for (int i = 0; i < stream.size(); i++) {
                if (i == slabs.size()) {
                    slabs.add(0L);
                }
                slabs.set(i, Math.max(slabs.get(i), stream.get(i).bytes()));
            }
        }
        return slabs;
    }

    /** Tensors that kernels read in their own format and that stay on the device. */
    public Set<Weight> weights() {
        return weights;
    }

    public Set<Cache> caches() {
        return caches;
    }

    /** Tensors of one row, with where their floats are among the constants. */
    public Map<Weight, Integer> vectors() {
        return vectors;
    }

    /** Rotations, with where their frequencies are among the constants, in floats. */
    public Map<Rotation, Integer> rotations() {
        return rotations;
    }

    int vector(Optional<Weight> weight) {
        return weight.map(vectors::get).orElse(-1);
    }

    /** Cell of the router's logits. */
    int logits() {
        return cell(logits);
    }

    /** Cell of the sorted pairs. */
    int order() {
        return cell(order);
    }

    /** Cell of the partial results of attention. */
    int partials() {
        return cell(partials);
    }

    /** Cell of the counters of work-groups, which are 0 between launches. */
    int tickets() {
        return cell(tickets);
    }

    /** Where those are in the arena, in bytes. */
    long ticketsAt() {
        return tickets;
    }

    /** Where the numbers of the best columns are in the arena, in bytes. */
    long bestAt() {
        return best;
    }

    /** Bytes of those, 0 if there are none. */
    long ticketBytes() {
        return ticketBytes;
    }

    /** Cell of a slot's first row. */
    int slot(Slot slot) {
        return cell(layout.offset(slot));
    }

    /** A view as kernels take it: first cell, cells from row to row, columns of a group, cells from group to group. */
    int[] view(View view) {
        return new int[] {cell(layout.offset(view.slot())) + view.first(), view.slot().columns(),
            view.contiguous() ? view.width() : view.columns(), view.stride()};
    }

    /** Unsigned 32 bits. */
    private static int cell(long bytes) {
        return (int) (bytes / WORD);
    }

    /** Whether a tensor is used where it is mapped. */
    public boolean inPlace(Weight weight) {
        return capacity.inPlace().test(weight);
    }

    public Footprint footprint() {
        long copies = 0;
        for (Weight weight : weights) {
            copies += inPlace(weight) ? 0 : weight.bytes();
        }
        long cached = 0;
        for (Cache cache : caches) {
            cached += cacheBytes(cache);
        }
        long own = arenaBytes - align(layout.bytes()) + slabs().stream().mapToLong(Long::longValue).sum();
        return new Footprint(copies, cached, align(layout.bytes()), own + constantBytes() + stepBytes() + (capacity.processor()
                ? exchangeBytes()
                : 0));
    }

    private static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }
}
