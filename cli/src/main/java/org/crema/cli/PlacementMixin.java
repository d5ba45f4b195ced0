package org.crema.cli;

import java.util.Locale;
import java.util.function.Consumer;
import org.crema.model.placement.PlacementOptions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Where a model is to run; the same for every command that loads or plans one. */
final class PlacementMixin {
    @Option(names = {"-dev",
        "--device"}, paramLabel = "ID", defaultValue = "auto", description = "Devices to share the model, with commas: opencl:0,cpu. Default: the GPUs and the CPU; crema doctor lists them.")
    private String device;

    @Mixin
    private SharingMixin sharing;

    String device() {
        return device.toLowerCase(Locale.ROOT);
    }

    /** @param log gets a line for each decision that is not what was asked for */
    PlacementOptions options(Consumer<String> log) {
        return sharing.options(log);
    }
}
