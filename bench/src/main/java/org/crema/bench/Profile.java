package org.crema.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.crema.kernels.Op;
import org.crema.kernels.Timing;
import org.crema.kernels.Work;
import org.crema.model.placement.Placement;

/**
 * Where the time of a step goes: the pieces of a model's program on one device, those that do the same joined.
 *
 * @param subject the model, in a few words
 * @param device where
 * @param trial what ran
 * @param pieces by time, the longest first
 */
public record Profile(String subject, String device, Trial trial, List<Piece> pieces) {
    private static final int WARM_UP_STEPS = 3;

    /**
     * What one kind of op, or of fused ops, took.
     *
     * @param name ops with their tensors' types
     * @param count pieces of a step
     * @param nanos of all, per run of the trial
     * @param share of all time
     * @param ofLimit what the measured rates allow, divided by what it took
     */
    public record Piece(String name, int count, double nanos, double share, double ofLimit) {}

    /** Sums of pieces that have one name. */
    private static final class Sum {
        private int count;
        private double nanos;
        private double least;
    }

    /**
     * Runs a trial with the clocks on.
     *
     * @throws org.crema.kernels.DeviceException if the device cannot run the model
     */
    public static Profile of(Subject subject, Placement placement, Settings settings, Trial trial, List<Share> shares) {
        try (Rig rig = new Rig(placement, Rig.options(settings, List.of(trial)).withProfile())) {
            for (int i = 0; i < WARM_UP_STEPS; i++) {
                rig.run(trial);
            }
            rig.engine().timings();
            int repetitions = settings.repetitions();
            for (int i = 0; i < repetitions; i++) {
                rig.run(trial);
            }
            return of(subject.type(), shares, trial, rig.engine().timings(), repetitions, settings);
        }
    }

    private static Profile of(String subject, List<Share> shares, Trial trial, List<Timing> timings, int repetitions,
            Settings settings) {
        boolean prompt = trial.prompt() > 0;
        int tokens = prompt ? Math.min(trial.prompt(), settings.batch()) : trial.streams();
        Work.Shape shape = new Work.Shape(tokens, prompt ? 1 : trial.streams(), prompt ? 1 : trial.streams(),
                trial.depth() + trial.generate() / 2.0, settings.cacheType());
        IdentityHashMap<Op, Share> shareOf = new IdentityHashMap<>();
        shares.forEach(share -> share.programs().forEach(program -> program.ops().forEach(op -> shareOf.put(op, share))));
        Map<String, Sum> sums = new LinkedHashMap<>();
        double all = 0;
        for (Timing timing : timings) {
            Share share = shareOf.get(timing.ops().getFirst());
            Sum sum = sums.computeIfAbsent((shares.size() == 1 ? "" : share.device().id() + ": ") + name(timing
                    .ops()), n -> new Sum());
            sum.count++;
            sum.nanos += (double) timing.nanos() / repetitions;
            Work work = timing.ops().stream().map(op -> Work.of(op, shape)).reduce(Work.NONE, Work::plus);
            sum.least += 1e9 * work.seconds(share.rates(), settings.precision()) * timing.runs() / repetitions;
            all += (double) timing.nanos() / repetitions;
        }
        List<Piece> pieces = new ArrayList<>();
        for (Map.Entry<String, Sum> entry : sums.entrySet()) {
            Sum sum = entry.getValue();
            pieces.add(new Piece(entry.getKey(), sum.count, sum.nanos, sum.nanos / all, sum.least / sum.nanos));
        }
        pieces.sort(Comparator.comparingDouble(Piece::nanos).reversed());
        return new Profile(subject, shares.stream().map(share -> share.device().id()).collect(Collectors.joining("+")), trial,
                List.copyOf(pieces));
    }

    private static String name(List<Op> ops) {
        return ops.stream().map(op -> op.tensors().isEmpty() ? op.name() : op.name() + " " + op.tensors().getFirst().type())
                .distinct()
                .collect(Collectors.joining(" + "));
    }

    /** A row for each kind of piece, with a bar of its share. */
    public String table() {
        Table table = new Table().words("op").numbers("pieces").numbers("time").numbers("share").words("").numbers("of limit");
        double all = pieces.stream().mapToDouble(Piece::nanos).sum();
        for (Piece piece : pieces) {
            table.row(piece.name(), Integer.toString(piece.count()), time(piece.nanos()),
                    String.format(Locale.ROOT, "%.1f %%", 100 * piece.share()), "█".repeat((int) Math.round(40 * piece.share())),
                    String.format(Locale.ROOT, "%.0f %%", 100 * piece.ofLimit()));
        }
        return subject + ", " + device + ", " + trial.label() + ": " + time(all) + "\n\n" + table.markdown();
    }

    private static String time(double nanos) {
        return nanos < 1e6
                ? String.format(Locale.ROOT, "%.1f µs", nanos / 1e3)
                : String.format(Locale.ROOT, "%.2f ms", nanos / 1e6);
    }
}
