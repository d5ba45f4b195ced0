package org.crema.cli;

import java.util.Locale;
import org.crema.Model;

/** Says what was loaded, and how long it took. */
final class Progress {
    private final long start = System.nanoTime();
    private String line = "";

    void loaded(Model model) {
        line = String.format(Locale.ROOT, "[%s: %s, %s, context %d, %s, loaded in %.2f s]", model.file().name(),
                Report.bytes(model.file()
                        .bytes()),
                String.join(" + ", model.devices().stream().map(device -> device.info().id()).toList()), model.context(),
                model.options().precision().toString().toLowerCase(Locale.ROOT),
                (System.nanoTime() - start) / 1e9);
    }

    /** One line for standard error. */
    String line() {
        return line;
    }
}
