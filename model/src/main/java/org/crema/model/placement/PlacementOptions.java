package org.crema.model.placement;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * How a model is to be placed, where it should not be found out. The host is the CPU, accelerators are all other devices.
 *
 * @param layers so many of the last layers, and the head, go to accelerators ({@code -ngl}); empty to find out
 * @param hostExperts routed experts of so many of the first layers go to the host ({@code --n-cpu-moe}); empty to find out
 * @param split shares of the accelerators, in their order ({@code --tensor-split}); empty for shares by free memory
 * @param pins tensors that go to a certain device; the last one that matches counts
 * @param requireGpu fail rather than put anything but the embedding on the host that was not asked to be there
 * @param moveRefused put on the host what an accelerator cannot run (a tensor type, say) rather than fail
 * @param fromDisk accept that mapped tensors exceed main memory, and are read from the file again and again
 * @param streamFrom experts of the host go to accelerators for steps of so many tokens and more; {@link #ALL} for never, empty to
 *     find out from which on that is quicker
 * @param margin bytes of each device to leave free; empty for a sixteenth of what is free, at most 512 MiB
 * @param log gets a line for each decision that is not what was asked for
 */
public record PlacementOptions(OptionalInt layers, OptionalInt hostExperts, List<Double> split, List<Pin> pins,
        boolean requireGpu, boolean moveRefused, boolean fromDisk, OptionalInt streamFrom, OptionalLong margin,
        Consumer<String> log) {
    /** For {@link #layers}, {@link #hostExperts} and {@link #streamFrom}. */
    public static final int ALL = Integer.MAX_VALUE;

    /** Everything is found out; decisions go to the system logger {@code org.crema.placement}. */
    public static final PlacementOptions DEFAULT = new PlacementOptions(OptionalInt.empty(), OptionalInt.empty(), List.of(),
            List.of(), false, false, false, OptionalInt.empty(), OptionalLong.empty(),
            line -> System.getLogger("org.crema.placement").log(System.Logger.Level.INFO, line));

    /**
     * Tensors whose names contain a match go to a device.
     *
     * @param pattern of names such as {@code blk.3.ffn_down_exps.weight}
     * @param device an id among the devices that are used
     */
    public record Pin(Pattern pattern, String device) {
        /**
         * Reads {@code PATTERN=DEVICE}.
         *
         * @throws IllegalArgumentException if it is not of this form
         */
        public static Pin of(String text) {
            int equals = text.lastIndexOf('=');
            if (equals < 1 || equals == text.length() - 1) {
                throw new IllegalArgumentException("\"" + text + "\" is not of the form PATTERN=DEVICE, as in ffn_.*_exps=cpu");
            }
            try {
                return new Pin(Pattern.compile(text.substring(0, equals)), text.substring(equals + 1));
            } catch (PatternSyntaxException e) {
                throw new IllegalArgumentException("\"" + text + "\": " + e.getDescription() + " in the pattern", e);
            }
        }
    }

    public PlacementOptions {
        split = List.copyOf(split);
        pins = List.copyOf(pins);
        Objects.requireNonNull(log);
        check("layers on accelerators", layers);
        check("layers with experts on the host", hostExperts);
        if (streamFrom.isPresent() && streamFrom.getAsInt() < 1) {
            throw new IllegalArgumentException("experts streamed from steps of " + streamFrom.getAsInt() + " tokens; at least 1");
        }
        double sum = 0;
        for (double share : split) {
            if (!(share >= 0)) {
                throw new IllegalArgumentException("a share of " + share + " in " + split + " is not a number from 0 up");
            }
            sum += share;
        }
        if (!split.isEmpty() && sum == 0) {
            throw new IllegalArgumentException("the shares " + split + " give nothing to any device");
        }
        if (margin.isPresent() && margin.getAsLong() < 0) {
            throw new IllegalArgumentException("a margin of " + margin.getAsLong() + " bytes; it must be 0 or more");
        }
    }

    private static void check(String what, OptionalInt number) {
        if (number.isPresent() && number.getAsInt() < 0) {
            throw new IllegalArgumentException(what + ": " + number.getAsInt() + "; it must be 0 or more");
        }
    }

    public PlacementOptions withLayers(int count) {
        return new PlacementOptions(OptionalInt.of(count), hostExperts, split, pins, requireGpu, moveRefused, fromDisk,
                streamFrom, margin,
                log);
    }

    public PlacementOptions withHostExperts(int count) {
        return new PlacementOptions(layers, OptionalInt.of(count), split, pins, requireGpu, moveRefused, fromDisk, streamFrom,
                margin,
                log);
    }

    public PlacementOptions withSplit(List<Double> shares) {
        return new PlacementOptions(layers, hostExperts, shares, pins, requireGpu, moveRefused, fromDisk, streamFrom, margin,
                log);
    }

    /** Pins more tensors. */
    public PlacementOptions withPin(Pin more) {
        List<Pin> all = new ArrayList<>(pins);
        all.add(more);
        return new PlacementOptions(layers, hostExperts, split, all, requireGpu, moveRefused, fromDisk, streamFrom, margin, log);
    }

    public PlacementOptions withRequireGpu(boolean on) {
        return new PlacementOptions(layers, hostExperts, split, pins, on, moveRefused, fromDisk, streamFrom, margin, log);
    }

    public PlacementOptions withMoveRefused(boolean on) {
        return new PlacementOptions(layers, hostExperts, split, pins, requireGpu, on, fromDisk, streamFrom, margin, log);
    }

    public PlacementOptions withFromDisk(boolean on) {
        return new PlacementOptions(layers, hostExperts, split, pins, requireGpu, moveRefused, on, streamFrom, margin, log);
    }

    /** @param tokens {@link #ALL} for never */
    public PlacementOptions withStreamFrom(int tokens) {
        return new PlacementOptions(layers, hostExperts, split, pins, requireGpu, moveRefused, fromDisk, OptionalInt.of(tokens),
                margin, log);
    }

    public PlacementOptions withMargin(long bytes) {
        return new PlacementOptions(layers, hostExperts, split, pins, requireGpu, moveRefused, fromDisk, streamFrom,
                OptionalLong.of(bytes),
                log);
    }

    public PlacementOptions withLog(Consumer<String> listener) {
        return new PlacementOptions(layers, hostExperts, split, pins, requireGpu, moveRefused, fromDisk, streamFrom, margin,
                listener);
    }

    /** Bytes to leave of so many free ones. */
    long marginOf(long free) {
        return margin.orElse(Math.min(512L << 20, free / 16));
    }
}
