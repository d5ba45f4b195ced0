package org.crema.model.placement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Rates;
import org.crema.kernels.Segment;
import org.crema.kernels.Weight;
import org.crema.model.arch.ModelGraph;

/**
 * Finds the first rung of the {@link Ladder} that fits, by what devices say they would allocate. Nothing is allocated and no tensor is
 * read. A context that is not fixed is halved when no rung fits.
 */
public final class Planner {
    private final ModelGraph graph;
    private final List<Device> devices;
    private final PlacementOptions options;
    private final PlanRequest request;
    private final Ladder ladder;
    /** As they were at the start, so that all steps are judged alike. */
    private final List<DeviceInfo> infos;
    private final Map<Integer, Draft> drafts = new HashMap<>();
    private final BreakEven breakEven = new BreakEven();
    private int context;

    /** A rung at the current context: which devices it uses, and how much of them. */
    private record Draft(Placement placement, CompileOptions compile, List<Usage> usages, List<String> moved) {}

    /** A device, or main memory, of which there is not enough. */
    private record Lack(String where, long need, long have, long margin) {}

    /**
     * @param devices in order of preference; the CPU among them takes what the others do not
     * @throws IllegalArgumentException if the options contradict each other
     * @throws DeviceException if they ask for what the devices do not have
     */
    public Planner(ModelGraph graph, List<Device> devices, PlacementOptions options, PlanRequest request) {
        this.graph = graph;
        this.devices = List.copyOf(devices);
        this.options = options;
        this.request = request;
        this.ladder = new Ladder(graph, devices, options);
        this.infos = devices.stream().map(Device::info).toList();
        this.context = request.firstContext(graph.trainedContext());
    }

    /**
     * The best plan that fits.
     *
     * @throws DeviceException.OutOfMemory if none does: what is needed, what is there, and what would fit
     * @throws DeviceException if a device cannot run what it would have to
     */
    public Plan plan() {
        while (true) {
            Optional<Plan> found = fromRung(0);
            if (found.isPresent()) {
                return found.get();
            }
            int smaller = request.below(context);
            if (smaller == 0) {
                throw tooLarge();
            }
            use(smaller);
        }
    }

    /**
     * The next smaller plan, after a device has refused to allocate one.
     *
     * @throws DeviceException.OutOfMemory the refusal itself, if there is no smaller plan
     */
    public Plan below(Plan refused, DeviceException.OutOfMemory refusal) {
        options.log().accept("refused: " + refusal.getMessage());
        Optional<Plan> next = fromRung(refused.rung() + 1);
        while (next.isEmpty()) {
            int smaller = request.below(context);
            if (smaller == 0) {
                throw refusal;
            }
            options.log().accept("trying a context of " + smaller + " tokens");
            use(smaller);
            next = fromRung(0);
        }
        return next.get();
    }

    /** What a device reaches at best, measured no more than once by this planner. */
    public Rates rates(Device device) {
        return breakEven.rates(device);
    }

    /** How many ways there are to place the model, the one that fits first or not at all included. */
    int steps() {
        return ladder.all().size();
    }

    private void use(int tokens) {
        context = tokens;
        drafts.clear();
    }

    /** The first rung from this one on that fits; none if that takes more of main memory than there is. */
    private Optional<Plan> fromRung(int first) {
        int rung = firstForAccelerators(first);
        return rung == ladder.all().size() || lack(rung, true).isPresent() ? Optional.empty() : Optional.of(plan(rung));
    }

    /** The first rung from this one on that fits the accelerators, by bisection: each takes less of them than the one before. */
    private int firstForAccelerators(int first) {
        int low = first;
        int high = ladder.all().size();
        while (low < high) {
            int middle = (low + high) / 2;
            if (lack(middle, false).isEmpty()) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    private Plan plan(int rung) {
        Draft draft = draft(rung);
        List<String> reasons = new ArrayList<>();
        boolean mixture = !draft.placement.layersWithExperts().isEmpty();
        if (rung > 0) {
            lack(rung - 1, false)
                    .ifPresent(lack -> reasons.add(ladder.all().get(rung).describe(mixture) + ": with one step more, "
                            + lack.where + " would need " + Plan.mib(lack.need) + " of " + Plan.mib(lack.have)));
        }
        if (context < request.firstContext(graph.trainedContext())) {
            reasons.add("a context of " + context + " tokens: no more fits");
        }
        reasons.addAll(draft.moved);
        draft.placement.streaming().ifPresent(large -> reasons.add("experts on " + infos.get(ladder.host()).id()
                + " are copied to " + large.segments().stream().map(Segment::device).filter(d -> draft.placement.devices().get(d)
                        .info().kind() != DeviceInfo.Kind.HOST).distinct().map(d -> draft.placement.devices().get(d).info().id())
                        .toList()
                + " for steps of " + large.from() + " tokens and more"));
        for (Usage usage : draft.usages) {
            if (options.fromDisk() && usage.inMainMemory() && usage.need() > usage.have()) {
                reasons.add(usage.device().id() + ": " + Plan.mib(usage.need() - usage.have())
                        + " more than main memory has free will be read from the file again and again");
            }
        }
        return new Plan(draft.placement, draft.compile, context, draft.usages, reasons, rung);
    }

    private Draft draft(int rung) {
        return drafts.computeIfAbsent(rung, this::makeDraft);
    }

    private Draft makeDraft(int rung) {
        CompileOptions compile = request.compile(context);
        long[] room = infos.stream().mapToLong(DeviceInfo::freeBytes).map(free -> free - options.marginOf(free)).toArray();
        List<String> moved = new ArrayList<>();
        int[] place = ladder.place(ladder.all().get(rung), compile, room, moved);
        int[] used = Arrays.stream(place).distinct().sorted().toArray();
        int[] compact = Arrays.stream(place).map(d -> Arrays.binarySearch(used, d)).toArray();
        Placement placement = streamed(Placement.of(graph, Arrays.stream(used).mapToObj(devices::get).toList(), compact),
                Arrays.binarySearch(used, ladder.host()), compile);
        compile = compile.withStreamed(placement.streamedWeights());
        check(placement, compile);
        List<Device.Footprint> footprints = placement.footprints(compile);
        List<Usage> usages = new ArrayList<>();
        for (int u = 0; u < used.length; u++) {
            DeviceInfo info = infos.get(used[u]);
            Device.Footprint footprint = footprints.get(u);
            usages.add(new Usage(info, footprint, mapped(placement, u, info, footprint), info.freeBytes(),
                    options.marginOf(info.freeBytes())));
        }
        return new Draft(placement, compile, usages, moved);
    }

    /** With experts of the host streamed for large steps, if there are steps so large that this is quicker. */
    private Placement streamed(Placement placement, int host, CompileOptions compile) {
        if (host < 0 || options.streamFrom().orElse(1) > compile.limits().tokens()) {
            return placement;
        }
        Placement streamed = placement.streamed(host, 1);
        if (streamed.streaming().isEmpty()) {
            return placement;
        }
        int from = options.streamFrom().orElseGet(() -> breakEven.from(streamed, host, compile));
        return from > compile.limits().tokens() ? placement : placement.streamed(host, from);
    }

    private void check(Placement placement, CompileOptions compile) {
        try {
            placement.check(compile);
        } catch (DeviceException e) {
            if (options.moveRefused() || ladder.host() < 0) {
                throw e;
            }
            throw new DeviceException(e.getMessage() + "; --move-refused puts what a device cannot run on the CPU", e);
        }
    }

    /** Bytes of tensors that the device does not copy. */
    private static long mapped(Placement placement, int device, DeviceInfo info, Device.Footprint footprint) {
        if (info.kind() != DeviceInfo.Kind.HOST) {
            return 0;
        }
        long bytes = placement.segmentsOf(device).stream().map(Segment::program).flatMap(part -> part.tensors().stream())
                .distinct()
                .mapToLong(Weight::bytes).sum();
        return Math.max(0, bytes - footprint.weights());
    }

    /**
     * What a rung lacks.
     *
     * @param everywhere count the host, too, not only accelerators
     */
    private Optional<Lack> lack(int rung, boolean everywhere) {
        Draft draft = draft(rung);
        long mainNeed = 0;
        long mainHave = 0;
        long margin = 0;
        for (Usage usage : draft.usages) {
            long need = options.fromDisk() ? usage.footprint().total() : usage.need();
            boolean host = ladder.host() >= 0 && usage.device().equals(infos.get(ladder.host()));
            if ((everywhere || !host) && need > usage.have()) {
                return Optional.of(new Lack(usage.device().id(), need, usage.have(), usage.margin()));
            }
            if (usage.inMainMemory()) {
                mainNeed += need;
                mainHave = Math.max(mainHave, usage.have());
                margin = Math.max(margin, usage.margin());
            }
        }
        return everywhere && mainNeed > mainHave
                ? Optional.of(new Lack("main memory", mainNeed, mainHave, margin))
                : Optional.empty();
    }

    /** Nothing fits: the numbers of the first plan that its accelerators could take, or of the smallest. */
    private DeviceException.OutOfMemory tooLarge() {
        int rung = Math.min(firstForAccelerators(0), ladder.all().size() - 1);
        Lack least = lack(rung, true).orElseThrow();
        return new DeviceException.OutOfMemory(least.where, least.need, least.have,
                "after a margin of " + Plan.mib(least.margin) + ", with a context of " + context
                        + " tokens; " + remedy(least));
    }

    private String remedy(Lack lack) {
        long tensors = graph.program().tensors().stream().mapToLong(Weight::bytes).sum();
        List<String> ways = new ArrayList<>();
        int fits = largestContext();
        if (fits > 0) {
            ways.add("a smaller context fits: -c " + fits);
        } else {
            ways.add("what would fit: a file that is " + Plan.mib(lack.need - lack.have) + " smaller (about "
                    + Plan.mib(Math.max(0, tensors - (lack.need - lack.have)))
                    + "), not a smaller context alone");
        }
        if (ladder.host() < 0) {
            ways.add("or add cpu to --device, so that a part can go to main memory");
        } else if (options.requireGpu()) {
            ways.add("or leave out --require-gpu, so that a part can go to main memory");
        } else if (!options.fromDisk() && tensors > lack.have) {
            ways.add("or --from-disk, to read what does not fit from the file for every token (slow)");
        }
        return String.join("; ", ways);
    }

    /** The largest context below the one that was tried, by halves, that fits; 0 if none does. */
    private int largestContext() {
        int tried = context;
        try {
            for (int tokens = tried / 2; tokens >= PlanRequest.SMALLEST_CONTEXT; tokens /= 2) {
                use(tokens);
                if (fromRung(0).isPresent()) {
                    return tokens;
                }
            }
            return 0;
        } finally {
            use(tried);
        }
    }
}
