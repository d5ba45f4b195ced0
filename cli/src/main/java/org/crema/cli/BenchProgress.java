package org.crema.cli;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.crema.bench.Runner;

/** Shows how far a benchmark is, on standard error; only where that is a terminal. */
final class BenchProgress implements Runner.Listener, AutoCloseable {
    private static final int MILLIS = 500;
    private static final int WIDTH = 100;

    private ProgressBar bar;
    private int all = -1;

    @SuppressWarnings("SystemConsoleNull") // JDK 25 gives null where input or output is no terminal
    private static boolean wanted() {
        return System.console() != null && System.console().isTerminal();
    }

    @Override
    public void begins(String what, int done, int total) {
        if (!wanted()) {
            return;
        }
        if (total != all) {
            close();
            all = total;
            bar = new ProgressBarBuilder().setInitialMax(total).setUpdateIntervalMillis(MILLIS).setMaxRenderedLength(WIDTH)
                    .setStyle(ProgressBarStyle.ASCII).clearDisplayOnFinish().build();
        }
        bar.setExtraMessage(" " + what);
        bar.stepTo(done);
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }
}
