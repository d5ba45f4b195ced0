package org.crema.model.placement;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import org.crema.kernels.CompileOptions;
import org.crema.kernels.Op;
import org.crema.kernels.Segment;
import org.crema.model.arch.ModelGraph;
import org.crema.model.arch.Role;

/**
 * Where a model goes, with its sizes.
 *
 * @param placement the devices that are used, and what runs on each
 * @param compile what to compile with
 * @param context most tokens of a prompt and its answer
 * @param usages memory of each device of the placement, in its order
 * @param reasons why it is so, in words
 * @param rung which of the planner's ways this is, from 0 for the fastest
 */
public record Plan(Placement placement, CompileOptions compile, int context, List<Usage> usages, List<String> reasons, int rung) {
    public Plan {
        usages = List.copyOf(usages);
        reasons = List.copyOf(reasons);
    }

    /** What is where: a line for each device, then the reasons. */
    public List<String> summary() {
        List<String> lines = new ArrayList<>();
        for (int d = 0; d < usages.size(); d++) {
            Usage usage = usages.get(d);
            lines.add(
                    String.format(Locale.ROOT, "%s: %s; %s of %s free", usage.device().id(), contents(d), mib(usage.need()), mib(
                            usage.free())));
        }
        lines.addAll(reasons);
        return lines;
    }

    /** What a device runs: "embedding, layers 0-3, experts of layers 4-26". */
    public String contents(int device) {
        Map<Role, NavigableSet<Integer>> layers = new LinkedHashMap<>();
        IdentityHashMap<Op, ModelGraph.Tag> tags = placement.tags();
        for (Segment segment : placement.segmentsOf(device)) {
            for (Op op : segment.program().ops()) {
                ModelGraph.Tag tag = tags.get(op);
                layers.computeIfAbsent(tag.role(), role -> new TreeSet<>()).add(tag.layer());
            }
        }
        NavigableSet<Integer> attention = layers.getOrDefault(Role.ATTENTION, new TreeSet<>());
        NavigableSet<Integer> forward = layers.getOrDefault(Role.FEED_FORWARD, new TreeSet<>());
        NavigableSet<Integer> experts = layers.getOrDefault(Role.EXPERTS, new TreeSet<>());
        List<String> parts = new ArrayList<>();
        if (layers.containsKey(Role.EMBEDDING)) {
            parts.add("embedding");
        }
        NavigableSet<Integer> whole = new TreeSet<>(attention);
        whole.retainAll(forward);
        // A layer is there as a whole if its experts are, or it has none anywhere.
        NavigableSet<Integer> apart = new TreeSet<>(whole);
        apart.retainAll(placement.layersWithExperts());
        apart.removeAll(experts);
        whole.removeAll(apart);
        add(parts, "layers ", whole);
        add(parts, "without routed experts layers ", apart);
        add(parts, "attention of layers ", minus(attention, whole, apart));
        add(parts, "feed-forward of layers ", minus(forward, whole, apart));
        add(parts, "routed experts of layers ", minus(experts, whole, apart));
        if (layers.containsKey(Role.HEAD)) {
            parts.add("head");
        }
        return String.join(", ", parts);
    }

    private static NavigableSet<Integer> minus(NavigableSet<Integer> all, NavigableSet<Integer> a, NavigableSet<Integer> b) {
        NavigableSet<Integer> rest = new TreeSet<>(all);
        rest.removeAll(a);
        rest.removeAll(b);
        return rest;
    }

    private static void add(List<String> parts, String what, NavigableSet<Integer> layers) {
        if (!layers.isEmpty()) {
            parts.add(what + ranges(layers));
        }
    }

    /** 0-3, 5, 7-9. */
    private static String ranges(NavigableSet<Integer> numbers) {
        List<String> ranges = new ArrayList<>();
        int from = numbers.first();
        for (int n : numbers) {
            if (!numbers.contains(n + 1)) {
                ranges.add(from == n ? Integer.toString(n) : from + "-" + n);
                Integer next = numbers.higher(n);
                from = next == null ? n : next;
            }
        }
        return String.join(", ", ranges);
    }

    static String mib(long bytes) {
        return String.format(Locale.ROOT, "%,d MiB", Math.ceilDiv(bytes, 1L << 20));
    }
}
