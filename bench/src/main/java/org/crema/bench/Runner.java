package org.crema.bench;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoublePredicate;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.Rates;
import org.crema.model.placement.Placement;

/**
 * Times trials on devices. One repetition of every trial on every device, then the next: a neighbour that is busy for a while slows
 * all of them alike.
 */
public final class Runner implements AutoCloseable {
    private static final double GAIN = 0.03;
    private static final int MOST_ROUNDS = 20;
    private static final long MOMENT = 200_000_000;
    /** So long a sample waits for the machine to be left to itself. */
    private static final long PATIENCE = 2 * MOMENT;
    /** A trial may take so long, whatever the limit. */
    private static final long LEAST_SHARE = 1_000_000_000;
    private static final int PROBES = 3;
    /** The part of a trial by which its time is guessed. */
    private static final int PROBE = 8;

    private final Settings settings;
    private final boolean profile;
    private final Environment environment;
    private final Pace pace;
    private final Listener listener;
    private final List<Site> sites;
    /** What devices reach at best, of all times that they were asked in this run. */
    private final Map<Device, Rates> rates = new HashMap<>();
    private final List<Result> results = new ArrayList<>();
    private final List<Placement> placements = new ArrayList<>();
    private final List<String> skipped = new ArrayList<>();

    /** Is told how far a run is. */
    public interface Listener {
        Listener NONE = (what, done, all) -> {};

        /** Something begins; {@code done} of {@code all} runs that are known of are done. */
        void begins(String what, int done, int all);
    }

    /** Opens a subject. */
    public interface Source {
        Subject open() throws IOException;
    }

    /** A trial at a site, with its samples so far. */
    private record Entry(Site site, Site.Placed placed, Rig rig, Trial trial, Instant time, List<Sample> samples) {}

    /**
     * @param sites their devices stay open; the limits of these are measured here
     * @param profile whether to find out where the time goes, after everything was timed
     */
    public Runner(List<Site> sites, Settings settings, boolean profile, Listener listener) {
        this.settings = settings;
        this.profile = profile;
        this.listener = listener;
        this.environment = Environment.here();
        this.sites = List.copyOf(sites);
        for (Site site : sites) {
            for (Device device : site.devices()) {
                if (!rates.containsKey(device)) {
                    listener.begins("limits of " + device.info().id(), 0, 0);
                    rates.put(device, device.measure());
                }
            }
        }
        this.pace = new Pace(settings.threads() > 0 ? settings.threads() : environment.cores());
    }

    private void measureAgain() {
        rates.replaceAll((device, before) -> before.best(device.measure()));
    }

    /**
     * Times the trials of one subject at all sites. One that cannot run it is left out, with its reason.
     *
     * @param limit past half of it no round of warming up begins, past it no further repetition, once each trial has two samples. A trial
     *     at a site that would take more than its share for a single run is left out, and that is said
     */
    public void run(Source source, List<Trial> trials, Duration limit) throws IOException {
        long start = System.nanoTime();
        try (Subject subject = source.open()) {
            List<Entry> entries = new ArrayList<>();
            try {
                sites.forEach(site -> compile(subject, site, trials, entries));
                time(entries, start, limit.toNanos());
            } finally {
                entries.stream().map(Entry::rig).distinct().forEach(Rig::close);
            }
            measureAgain();
            for (Entry entry : entries) {
                results.add(result(subject, entry));
                placements.add(entry.placed().placement());
            }
        }
    }

    private void compile(Subject subject, Site site, List<Trial> trials, List<Entry> entries) {
        listener.begins(subject.type() + " on " + site.id(), 0, 0);
        try {
            Site.Placed placed = site.place(subject.graph(), Rig.options(settings, trials));
            Rig rig = new Rig(placed.placement(), settings, trials);
            trials.forEach(trial -> entries.add(new Entry(site, placed, rig, trial, Instant.now(), new ArrayList<>())));
        } catch (DeviceException e) {
            skipped.add(site.id() + ", " + subject.file() + ": " + e.getMessage());
        }
    }

    private Result result(Subject subject, Entry entry) {
        Trial trial = entry.trial();
        Placement placement = entry.placed().placement();
        List<Share> shares = Share.of(placement, rates);
        Optional<Profile> where = Optional.empty();
        if (profile) {
            listener.begins("profile of " + name(entry), 0, 0);
            where = Optional.of(Profile.of(subject, placement, settings, trial, shares));
        }
        return new Result(environment, settings, subject, shares, entry.placed().words(), trial, entry.time(), entry.samples(),
                where);
    }

    private void time(List<Entry> entries, long start, long limit) {
        long share = Math.max(LEAST_SHARE, limit / Math.max(1, entries.size()));
        entries.removeIf(entry -> leftOut(entry, share));
        int all = entries.size() * (settings.repetitions() + 1);
        int done = 0;
        for (Entry entry : entries) {
            listener.begins("warming up " + name(entry), done++, all);
            warmUp(entry, start, limit);
        }
        for (int repetition = 0; repetition < settings.repetitions(); repetition++) {
            for (Entry entry : entries) {
                boolean over = System.nanoTime() - start > limit;
                if (over && entry.samples().size() >= 2) {
                    continue;
                }
                listener.begins(name(entry), done++, all);
                entry.samples().add(sample(entry, over));
            }
        }
        retake(entries, start, limit);
    }

    /** Takes samples again that were taken while something else slowed the host; as many times as there are repetitions. */
    private void retake(List<Entry> entries, long start, long limit) {
        for (int repetition = 0; repetition < settings.repetitions(); repetition++) {
            for (Entry entry : entries) {
                int worst = worst(entry.samples());
                boolean over = System.nanoTime() - start > limit || !settings.warmUp().isPositive();
                if (!over && !pace.clean(entry.samples().get(worst).pace())) {
                    listener.begins(name(entry) + " once more", 0, 0);
                    Sample again = sample(entry, false);
                    if (again.pace() > entry.samples().get(worst).pace()) {
                        entry.samples().set(worst, again);
                    }
                }
            }
        }
    }

    private static int worst(List<Sample> samples) {
        int worst = 0;
        for (int i = 1; i < samples.size(); i++) {
            if (samples.get(i).pace() < samples.get(worst).pace()) {
                worst = i;
            }
        }
        return worst;
    }

    /** Whether a trial would take too long, by a small part of it. */
    private boolean leftOut(Entry entry, long share) {
        Trial trial = entry.trial();
        Trial probe = trial.part(PROBE);
        double parts = (double) trial.tokens() / probe.tokens();
        double best = Double.MAX_VALUE;
        // The first runs are slower, by what Java compiles meanwhile.
        for (int i = 0; i < PROBES && best > share; i++) {
            listener.begins("trying " + name(entry), 0, 0);
            best = Math.min(best, parts * entry.rig().run(probe));
        }
        if (best <= share) {
            return false;
        }
        skipped.add(String.format(Locale.ROOT, "%s: about %.0f s a run; -m and --device with fewer names leave more time",
                name(entry),
                best / 1e9));
        return true;
    }

    /**
     * Runs a trial until it gets no faster: in rounds of the warm-up time, until two in a row bring less than {@value #GAIN}. Java
     * compiles what is hot while it runs, which takes seconds on a machine with few cores.
     */
    private void warmUp(Entry entry, long start, long limit) {
        double best = round(entry);
        int idle = 0;
        for (int i = 1; i < MOST_ROUNDS && idle < 2 && settings.warmUp().isPositive(); i++) {
            if (System.nanoTime() - start > limit / 2) {
                return;
            }
            double next = round(entry);
            idle = next < best * (1 - GAIN) ? 0 : idle + 1;
            best = Math.min(best, next);
        }
    }

    /**
     * The time of a run; of a short one the median of as many as a moment holds, since a neighbour's moments are longer than it. Runs
     * beside which the host was slowed count only if there are no others, and some time is spent on looking for others.
     */
    private Sample sample(Entry entry, boolean hurry) {
        List<Sample> runs = new ArrayList<>();
        long begin = System.nanoTime();
        long patience = hurry ? MOMENT : PATIENCE;
        double before = pace.now();
        boolean more;
        do {
            long nanos = entry.rig().run(entry.trial());
            double after = pace.now();
            runs.add(new Sample(nanos, Math.min(before, after)));
            before = after;
            long spent = System.nanoTime() - begin;
            more = spent < MOMENT || (spent < patience && runs.stream().noneMatch(run -> pace.clean(run.pace())));
        } while (settings.warmUp().isPositive() && more);
        return typical(runs, pace::clean);
    }

    /** The median run, of those at a clean pace if there are any. */
    static Sample typical(List<Sample> runs, DoublePredicate clean) {
        List<Sample> alone = runs.stream().filter(run -> clean.test(run.pace())).toList();
        List<Sample> counted = new ArrayList<>(alone.isEmpty() ? runs : alone);
        counted.sort(Comparator.comparingLong(Sample::nanos));
        return counted.get(counted.size() / 2);
    }

    /** The best time of a run, of as many as the warm-up time holds, at least one. */
    private double round(Entry entry) {
        double best = Double.MAX_VALUE;
        long begin = System.nanoTime();
        do {
            best = Math.min(best, (double) entry.rig().run(entry.trial()));
        } while (System.nanoTime() - begin < settings.warmUp().toNanos());
        return best;
    }

    private static String name(Entry entry) {
        return entry.site().id() + " " + entry.trial().label();
    }

    /** What was timed so far, by subject, site and trial; held against the best rates of the whole run. */
    public List<Result> results() {
        List<Result> best = new ArrayList<>();
        for (int i = 0; i < results.size(); i++) {
            best.add(results.get(i).withShares(Share.of(placements.get(i), rates)));
        }
        return best;
    }

    /** What could not be run, and why. */
    public List<String> skipped() {
        return Collections.unmodifiableList(skipped);
    }

    @Override
    public void close() {
        pace.close();
    }
}
