package org.crema.bench;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.Rates;
import org.crema.model.placement.Placement;

/**
 * Times trials on devices. One repetition of every trial on every device, then the next: a neighbour that is busy for a while slows
 * all of them alike.
 */
public final class Runner {
    private static final double GAIN = 0.03;
    private static final int MOST_ROUNDS = 20;

    private final Settings settings;
    private final boolean profile;
    private final Environment environment;
    private final Listener listener;
    private final List<Target> targets = new ArrayList<>();
    private final List<Result> results = new ArrayList<>();
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

    /** A device and what it reaches at best, of all times that it was asked in this run. */
    private static final class Target {
        private final Device device;
        private Rates rates;

        Target(Device device) {
            this.device = device;
            this.rates = device.measure();
        }

        void measureAgain() {
            Rates now = device.measure();
            rates = new Rates(Math.max(rates.bytesPerSecond(), now.bytesPerSecond()), Math.max(rates.flopsPerSecond(), now
                    .flopsPerSecond()));
        }
    }

    /** A trial on a device, with its samples so far. */
    private record Entry(Target target, Rig rig, Trial trial, Instant time, List<Long> nanos) {}

    /**
     * @param devices stay open; their limits are measured here
     * @param profile whether to find out where the time goes, after everything was timed
     */
    public Runner(List<Device> devices, Settings settings, boolean profile, Listener listener) {
        this.settings = settings;
        this.profile = profile;
        this.listener = listener;
        this.environment = Environment.here();
        for (Device device : devices) {
            listener.begins("limits of " + device.info().id(), 0, 0);
            targets.add(new Target(device));
        }
    }

    /**
     * Times the trials of one subject on all devices. A device that cannot run it is left out, with its reason.
     *
     * @param limit past half of it no round of warming up begins, past it no further repetition, once each trial has two samples
     */
    public void run(Source source, List<Trial> trials, Duration limit) throws IOException {
        long start = System.nanoTime();
        try (Subject subject = source.open()) {
            List<Entry> entries = new ArrayList<>();
            try {
                targets.forEach(target -> compile(subject, target, trials, entries));
                time(entries, start, limit.toNanos());
            } finally {
                entries.stream().map(Entry::rig).distinct().forEach(Rig::close);
            }
            targets.forEach(Target::measureAgain);
            entries.forEach(entry -> results.add(result(subject, entry)));
        }
    }

    private void compile(Subject subject, Target target, List<Trial> trials, List<Entry> entries) {
        DeviceInfo info = target.device.info();
        listener.begins(subject.type() + " on " + info.id(), 0, 0);
        try {
            Rig rig = new Rig(Placement.single(subject.graph(), target.device), settings, trials);
            trials.forEach(trial -> entries.add(new Entry(target, rig, trial, Instant.now(), new ArrayList<>())));
        } catch (DeviceException e) {
            skipped.add(info.id() + ", " + subject.file() + ": " + e.getMessage());
        }
    }

    private Result result(Subject subject, Entry entry) {
        Target target = entry.target();
        Trial trial = entry.trial();
        Optional<Profile> where = Optional.empty();
        if (profile) {
            listener.begins("profile of " + name(entry), 0, 0);
            where = Optional
                    .of(Profile.of(subject, Placement.single(subject.graph(), target.device), settings, trial, target.rates));
        }
        DeviceInfo info = target.device.info();
        return new Result(environment, settings, subject, info, "all on " + info.id(), trial, entry.time(), entry.nanos(),
                target.rates, where);
    }

    private void time(List<Entry> entries, long start, long limit) {
        int all = entries.size() * (settings.repetitions() + 1);
        int done = 0;
        for (Entry entry : entries) {
            listener.begins("warming up " + name(entry), done++, all);
            warmUp(entry, start, limit);
        }
        for (int repetition = 0; repetition < settings.repetitions(); repetition++) {
            for (Entry entry : entries) {
                boolean over = System.nanoTime() - start > limit;
                if (over && entry.nanos().size() >= 2) {
                    continue;
                }
                listener.begins(name(entry), done++, all);
                entry.nanos().add(entry.rig().run(entry.trial()));
            }
        }
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
        return entry.target().device.info().id() + " " + entry.trial().label();
    }

    /** What was timed so far, by subject, device and trial; held against the best rates of the whole run. */
    public List<Result> results() {
        Map<String, Rates> best = new HashMap<>();
        targets.forEach(target -> best.put(target.device.info().id(), target.rates));
        return results.stream().map(result -> result.withRates(best.get(result.device().id()))).toList();
    }

    /** What could not be run, and why. */
    public List<String> skipped() {
        return Collections.unmodifiableList(skipped);
    }
}
