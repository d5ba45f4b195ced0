package org.crema.bench;

import org.crema.kernels.Program;
import org.crema.kernels.Rates;
import org.crema.kernels.Work;

/** What the measured rates of a device allow. */
final class Limit {
    private Limit() {}

    /** The least time, in seconds, that a trial can take on a device with these rates, if no activation ever leaves its chip. */
    static double seconds(Program program, Trial trial, Settings settings, Rates rates) {
        double seconds = 0;
        for (int at = 0; at < trial.prompt(); at += settings.batch()) {
            int tokens = Math.min(trial.prompt() - at, settings.batch());
            int outputs = at + tokens == trial.prompt() ? 1 : 0;
            Work.Shape shape = new Work.Shape(tokens, outputs, 1, (double) trial.depth() + at, settings.cacheType());
            seconds += trial.streams() * Work.of(program, shape).fusedSeconds(rates);
        }
        if (trial.generate() > 0) {
            int streams = trial.streams();
            double depth = trial.depth() + trial.prompt() + (trial.generate() - 1) / 2.0;
            Work.Shape shape = new Work.Shape(streams, streams, streams, depth, settings.cacheType());
            seconds += trial.generate() * Work.of(program, shape).fusedSeconds(rates);
        }
        return seconds;
    }
}
