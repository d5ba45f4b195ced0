package org.crema.model.placement;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.ToIntFunction;
import org.crema.kernels.Op;
import org.crema.kernels.View;

/**
 * The order in which ops run when several devices share them. In each run of ops of one device those come first that the next run,
 * on another device, waits for; what is left runs meanwhile. Results do not change: an op never passes one that it depends on.
 */
final class Schedule {
    private Schedule() {}

    /** The ops in the order to run them; with one device, as they came. */
    static List<Op> order(List<Op> ops, ToIntFunction<Op> place) {
        List<Op> ordered = new ArrayList<>(ops.size());
        for (int from = 0, to; from < ops.size(); from = to) {
            to = end(ops, from, place);
            List<Op> run = ops.subList(from, to);
            if (to == ops.size()) {
                ordered.addAll(run);
            } else {
                awaitedFirst(run, ops.subList(to, end(ops, to, place)), ordered);
            }
        }
        return ordered;
    }

    private static int end(List<Op> ops, int from, ToIntFunction<Op> place) {
        int device = place.applyAsInt(ops.get(from));
        int to = from + 1;
        while (to < ops.size() && place.applyAsInt(ops.get(to)) == device) {
            to++;
        }
        return to;
    }

    private static void awaitedFirst(List<Op> run, List<Op> next, List<Op> ordered) {
        // What the next run reads or writes, and then, going back, what the ops that have to come first touch.
        Touched touched = new Touched();
        next.forEach(touched::add);
        List<Op> first = new ArrayList<>();
        List<Op> rest = new ArrayList<>();
        for (Op op : run.reversed()) {
            if (touched.dependsOn(op)) {
                touched.add(op);
                first.addFirst(op);
            } else {
                rest.addFirst(op);
            }
        }
        ordered.addAll(first);
        ordered.addAll(rest);
    }

    /** Slots and caches that some ops read and write. */
    private static final class Touched {
        private final Set<Object> read = new HashSet<>();
        private final Set<Object> written = new HashSet<>();

        void add(Op op) {
            op.reads().forEach(view -> read.add(view.slot()));
            op.writes().forEach(view -> written.add(view.slot()));
            // Of an op with a cache it does not matter whether it reads or writes it: all such ops of a cache keep their order.
            op.cache().ifPresent(cache -> {
                read.add(cache);
                written.add(cache);
            });
        }

        /** Whether one of these ops must come after this one. */
        boolean dependsOn(Op op) {
            return any(op.writes(), read) || any(op.writes(), written) || any(op.reads(), written)
                    || op.cache().map(written::contains).orElse(false);
        }

        private static boolean any(Collection<View> views, Set<Object> slots) {
            return views.stream().anyMatch(view -> slots.contains(view.slot()));
        }
    }
}
