package org.crema.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.crema.Crema;
import org.crema.Model;
import org.crema.ModelOptions;
import org.crema.kernels.Cache;
import org.crema.kernels.Precision;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model to load, and how; the same for every command that computes. */
final class ModelMixin {
    @Option(names = {"-m",
        "--model"}, paramLabel = "FILE", description = "GGUF file, or any shard of a set. Default: the embedded model.")
    private Path file;

    @Option(names = {"-c",
        "--ctx",
        "--ctx-size"}, paramLabel = "N", defaultValue = "0", description = "Most tokens of a prompt and its answer. Default: up to 8192, as far as the model and memory allow.")
    private int context;

    @Option(names = {"-b",
        "--batch-size"}, paramLabel = "N", defaultValue = "512", description = "Most prompt tokens in one step (${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = {"-t",
        "--threads"}, paramLabel = "N", defaultValue = "0", description = "Threads of the CPU. Default: one per core.")
    private int threads;

    @Option(names = "--precision", paramLabel = "P", defaultValue = "fast", description = "f32: activations and sums in F32 everywhere; fast: as quick as the device can (${DEFAULT-VALUE}).")
    private Precision precision;

    @Option(names = {"-ctk",
        "--cache-type"}, paramLabel = "T", description = "How the attention cache is kept: f32, f16, q8_0. Default: f16, with --precision f32 f32.")
    private Cache.Type cacheType;

    @Option(names = "--no-expert-groups", description = "Choose experts over all groups where an older file names none, as llama.cpp does.")
    private boolean noGroups;

    @Mixin
    private PlacementMixin placement;

    Model load() throws IOException {
        ModelOptions options = options();
        return file == null ? Crema.tinyCoder(options) : Crema.load(file, options);
    }

    /** The file; null for the embedded model. */
    Path file() {
        return file;
    }

    ModelOptions options() {
        ModelOptions options = ModelOptions.DEFAULT.withContext(context).withBatch(batch).withThreads(threads)
                .withDevice(placement.device()).withPlacement(placement.options(line -> Console.err().println("[" + line + "]")))
                .withPrecision(precision).withGroupedRouting(!noGroups);
        return cacheType == null ? options : options.withCacheType(cacheType);
    }
}
