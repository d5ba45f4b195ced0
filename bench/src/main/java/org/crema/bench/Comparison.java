package org.crema.bench;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/** Two sets of records side by side. */
public final class Comparison {
    /**
     * Medians of two runs of one build differ by so much without a reason that their samples show: memory lies elsewhere, Java compiles in
     * another order.
     */
    private static final double FLOOR = 0.1;
    /** Standard deviations of the samples of both runs together that are noise. */
    private static final double DEVIATIONS = 2;

    private final List<Change> changes = new ArrayList<>();
    private final List<Entry> onlyBefore = new ArrayList<>();
    private final List<Entry> onlyAfter = new ArrayList<>();

    /**
     * One test in both sets.
     *
     * @param noise by which one median may exceed the other without meaning anything, as a share of the lower one
     */
    public record Change(Entry before, Entry after, double noise) {
        /** The new median divided by the old one. */
        public double ratio() {
            return after.samples().median() / before.samples().median();
        }

        /** Whether the difference is more than noise, in either direction. */
        public boolean real() {
            return ratio() > 1 + noise || ratio() < 1 / (1 + noise);
        }

        String verdict() {
            return real() ? ratio() > 1 ? "faster" : "slower" : "no change";
        }
    }

    /** Compares tests that are in both sets: of the same model, in the same place, with as many threads and the same precision. */
    public Comparison(List<Entry> before, List<Entry> after) {
        Set<Entry> left = new LinkedHashSet<>(before);
        for (Entry now : after) {
            Entry then = left.stream().filter(now::sameTest).findFirst().orElse(null);
            if (then == null) {
                onlyAfter.add(now);
            } else {
                left.remove(then);
                changes.add(new Change(then, now, (1 + noise(then.samples(), now.samples())) * drift(then, now) - 1));
            }
        }
        onlyBefore.addAll(left);
    }

    private static double noise(Samples a, Samples b) {
        return Math.max(FLOOR, DEVIATIONS * Math.hypot(a.deviation() / a.mean(), b.deviation() / b.mean()));
    }

    /**
     * The factor between what the machine allowed in both runs, by the devices' own limits and by the host's pace: a machine that is
     * shared, or clocked lower, says nothing about the build. The limit that counts is the test's, of bandwidth or of arithmetic.
     */
    private static double drift(Entry before, Entry after) {
        return Math.max(factor(before.limit(), after.limit()), factor(before.pace(), after.pace()));
    }

    private static double factor(OptionalDouble before, OptionalDouble after) {
        if (before.isEmpty() || after.isEmpty()) {
            return 1;
        }
        double factor = before.getAsDouble() / after.getAsDouble();
        return Math.max(factor, 1 / factor);
    }

    public List<Change> changes() {
        return List.copyOf(changes);
    }

    /** A table of all tests in both sets, what is in one only, and what was configured otherwise. */
    public String report() {
        StringBuilder text = new StringBuilder();
        Table table = new Table().words("model").words("device").words("test").numbers("before t/s").numbers("after t/s").numbers(
                "change").numbers("noise").words("verdict");
        for (Change c : changes) {
            table.row(c.after().model(), c.after().device(), c.after().trial().label(), rate(c.before()), rate(c.after()),
                    String.format(Locale.ROOT, "%+.1f %%", 100 * (c.ratio() - 1)),
                    String.format(Locale.ROOT, "-%.1f … +%.1f %%", 100 * c.noise() / (1 + c.noise()),
                            100 * c.noise()),
                    c.verdict());
        }
        if (!changes.isEmpty()) {
            text.append(table.markdown()).append('\n');
        }
        onlyBefore.forEach(e -> text.append("only before: ").append(name(e)).append('\n'));
        onlyAfter.forEach(e -> text.append("only after: ").append(name(e)).append('\n'));
        differences().forEach(line -> text.append("configured otherwise: ").append(line).append('\n'));
        long real = changes.stream().filter(Change::real).count();
        if (changes.isEmpty()) {
            text.append("nothing to compare: no test is in both\n");
        } else {
            text.append(real == 0 ? "no change\n" : real + " of " + changes.size() + " changed beyond the noise\n");
        }
        return text.toString();
    }

    private Set<String> differences() {
        Set<String> lines = new LinkedHashSet<>();
        for (Change c : changes) {
            Map<String, String> then = c.before().configuration();
            c.after().configuration().forEach((key, now) -> {
                if (then.containsKey(key) && !then.get(key).equals(now)) {
                    lines.add(key + ": " + then.get(key) + " -> " + now);
                }
            });
        }
        return lines;
    }

    /**
     * Puts another engine's records beside ours: every test of ours with each of theirs of the same model and trial.
     *
     * @return a table, or a sentence if nothing lines up
     */
    public static String beside(List<Entry> ours, List<Entry> theirs) {
        Table table = new Table().words("model").words("test").words("crema on").numbers("t/s").words("other").words("on")
                .numbers(
                        "t/s")
                .numbers("crema / other");
        int rows = 0;
        for (Entry our : ours) {
            for (Entry their : theirs) {
                if (our.sameModel(their) && our.trial().equals(their.trial())) {
                    rows++;
                    table.row(our.model(), our.trial().label(), our.device(), rate(our), their.engine() + " " + their.commit(),
                            their.placement(), rate(their),
                            String.format(Locale.ROOT, "%.2f", our.samples().median() / their.samples().median()));
                }
            }
        }
        if (rows == 0) {
            return "nothing lines up: the other file has " + names(theirs) + ", this run " + names(ours) + "\n";
        }
        return table.markdown();
    }

    private static Set<String> names(List<Entry> entries) {
        Set<String> names = new LinkedHashSet<>();
        entries.forEach(e -> names.add(e.file() + " " + e.trial().label()));
        return names;
    }

    private static String name(Entry e) {
        return e.model() + ", " + e.device() + ", " + e.trial().label();
    }

    private static String rate(Entry e) {
        return String.format(Locale.ROOT, "%.2f ± %.2f", e.samples().median(), e.samples().deviation());
    }
}
