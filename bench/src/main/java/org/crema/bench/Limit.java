package org.crema.bench;

import java.util.List;
import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Work;

/** What the measured rates of devices allow. */
final class Limit {
    private Limit() {}

    /** The least time, in seconds, that a trial can take on devices that work one after the other, if no activation leaves a chip. */
    static double seconds(List<Share> shares, Trial trial, Settings settings) {
        return shares.stream().mapToDouble(share -> seconds(share.programs(), trial, settings, share.rates())).sum();
    }

    private static double seconds(List<Program> programs, Trial trial, Settings settings, Rates rates) {
        double seconds = 0;
        for (int at = 0; at < trial.prompt(); at += settings.batch()) {
            int tokens = Math.min(trial.prompt() - at, settings.batch());
            int outputs = at + tokens == trial.prompt() ? 1 : 0;
            Work.Shape shape = new Work.Shape(tokens, outputs, 1, (double) trial.depth() + at, settings.cacheType());
            seconds += trial.streams() * work(programs, shape).fusedSeconds(rates, settings.precision());
        }
        if (trial.generate() > 0) {
            int streams = trial.streams();
            double depth = trial.depth() + trial.prompt() + (trial.generate() - 1) / 2.0;
            Work.Shape shape = new Work.Shape(streams, streams, streams, depth, settings.cacheType());
            seconds += trial.generate() * work(programs, shape).fusedSeconds(rates, settings.precision());
        }
        return seconds;
    }

    private static Work work(List<Program> programs, Work.Shape shape) {
        return programs.stream().map(program -> Work.of(program, shape)).reduce(Work.NONE, Work::plus);
    }
}
