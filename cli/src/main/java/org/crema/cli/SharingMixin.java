package org.crema.cli;

import java.util.List;
import java.util.function.Consumer;
import org.crema.model.placement.PlacementOptions;
import picocli.CommandLine.Option;

/** How several devices share a model; the same for every command that places one. */
final class SharingMixin {
    private static final String AUTO = "auto";
    private static final String ALL = "all";
    private static final String OFF = "off";

    @Option(names = {"-ngl", "--gpu-layers",
        "--n-gpu-layers"}, paramLabel = "N", defaultValue = AUTO, description = "So many of the last layers, and the head, go to GPUs: a number, all, or auto (${DEFAULT-VALUE}).")
    private String layers;

    @Option(names = {"-cmoe", "--cpu-moe"}, description = "All routed experts stay on the CPU.")
    private boolean cpuMoe;

    @Option(names = {"-ncmoe",
        "--n-cpu-moe"}, paramLabel = "N", description = "The routed experts of the first N layers stay on the CPU. Default: as many as must.")
    private Integer cpuMoeLayers;

    @Option(names = {"-ts",
        "--tensor-split"}, split = ",", paramLabel = "SHARE", description = "Shares of several GPUs: 3,1. Default: by free memory.")
    private List<Double> split = List.of();

    @Option(names = {"-ot",
        "--override-tensor"}, split = ",", paramLabel = "PATTERN=ID", description = "Tensors whose names contain a match of the regular expression go to this device.")
    private List<String> pins = List.of();

    @Option(names = "--require-gpu", description = "Fail rather than leave to the CPU what was to be on a GPU.")
    private boolean requireGpu;

    @Option(names = "--move-refused", description = "What a GPU cannot run (a tensor type, say) goes to the CPU; otherwise it is an error.")
    private boolean moveRefused;

    @Option(names = "--from-disk", description = "Accept that the file is larger than main memory and is read again for every token.")
    private boolean fromDisk;

    @Option(names = "--stream-experts", paramLabel = "N", defaultValue = AUTO, description = "Experts on the CPU are copied to the GPU for steps of N tokens and more: a number, off, or auto (${DEFAULT-VALUE}: where that is quicker).")
    private String streamFrom;

    @Option(names = {"-fitt",
        "--fit-target"}, paramLabel = "MIB", description = "MiB of each device to leave free. Default: a sixteenth, at most 512.")
    private Long margin;

    /** @param log gets a line for each decision that is not what was asked for */
    PlacementOptions options(Consumer<String> log) {
        PlacementOptions options = PlacementOptions.DEFAULT.withLog(log).withSplit(split).withRequireGpu(requireGpu)
                .withMoveRefused(moveRefused).withFromDisk(fromDisk);
        if (!layers.equalsIgnoreCase(AUTO)) {
            options = options.withLayers(layers.equalsIgnoreCase(ALL) ? PlacementOptions.ALL : number("-ngl", layers, ALL));
        }
        if (!streamFrom.equalsIgnoreCase(AUTO)) {
            options = options.withStreamFrom(streamFrom.equalsIgnoreCase(OFF)
                    ? PlacementOptions.ALL
                    : number("--stream-experts", streamFrom, OFF));
        }
        if (cpuMoe && cpuMoeLayers != null) {
            throw new IllegalArgumentException("give --cpu-moe or --n-cpu-moe, not both");
        }
        if (cpuMoe || cpuMoeLayers != null) {
            options = options.withHostExperts(cpuMoe ? PlacementOptions.ALL : cpuMoeLayers);
        }
        for (String pin : pins) {
            options = options.withPin(PlacementOptions.Pin.of(pin));
        }
        return margin == null ? options : options.withMargin(Math.multiplyExact(margin, 1L << 20));
    }

    private static int number(String option, String text, String word) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(option + " " + text + " is neither a number nor auto nor " + word, e);
        }
    }
}
