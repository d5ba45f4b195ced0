package org.crema.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.crema.bench.Comparison;
import org.crema.bench.Entry;
import org.crema.bench.OpBench;
import org.crema.bench.Result;
import org.crema.bench.Runner;
import org.crema.bench.Settings;
import org.crema.bench.Site;
import org.crema.bench.Subject;
import org.crema.bench.Synthetic;
import org.crema.bench.Trial;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.model.placement.PlacementOptions;
import org.crema.model.runtime.Devices;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Times models on devices. */
@Command(name = "bench", description = "Times reading prompts (pp) and writing answers (tg) on every device, as llama-bench does, beside what each device can do at most.")
final class BenchCommand implements Callable<Integer> {
    /** Of each subject where none was asked for. */
    private static final Duration DEFAULT_LIMIT = Duration.ofSeconds(40);
    private static final Duration NO_LIMIT = Duration.ofDays(1);
    /** A device that computes in main memory may make a copy. */
    private static final long MEMORY_FACTOR = 2;
    /** For warming up an op, and again for its samples. */
    private static final double OPS_SECONDS = 0.2;

    @Option(names = {"-m",
        "--model"}, split = ",", paramLabel = "FILE", description = "GGUF files, or synthetic-lite and synthetic-236b, layers with the shapes of DeepSeek-Coder-V2, with a type as in synthetic-lite:IQ2_XS. Default: the embedded model and both of these.")
    private List<String> models = new ArrayList<>();

    @Option(names = {"-p",
        "--n-prompt"}, split = ",", paramLabel = "N", description = "Prompt tokens to read; 0 for no such test.")
    private List<Integer> prompts;

    @Option(names = {"-n", "--n-gen"}, split = ",", paramLabel = "N", description = "Tokens to write; 0 for no such test.")
    private List<Integer> generates;

    @Option(names = "-pg", paramLabel = "P,N", description = "Read P tokens, then write N, as one test.")
    private List<String> pairs = new ArrayList<>();

    @Option(names = {"-d",
        "--n-depth"}, split = ",", paramLabel = "N", defaultValue = "0", description = "Tokens in the cache before (${DEFAULT-VALUE}).")
    private List<Integer> depths;

    @Option(names = "--streams", split = ",", paramLabel = "N", defaultValue = "1", description = "Sequences side by side (${DEFAULT-VALUE}).")
    private List<Integer> streams;

    @Option(names = {"-r",
        "--repetitions"}, paramLabel = "N", defaultValue = "5", description = "Samples of each test (${DEFAULT-VALUE}).")
    private int repetitions;

    @Option(names = {"-b",
        "--batch-size"}, paramLabel = "N", defaultValue = "512", description = "Most tokens in one step (${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = {"-t",
        "--threads"}, paramLabel = "N", defaultValue = "0", description = "Threads of the CPU. Default: one per core.")
    private int threads;

    @Option(names = {"-dev",
        "--device"}, split = ",", paramLabel = "ID", defaultValue = "all", description = "Devices, one after the other: all, cpu, opencl:0, …; opencl:0+cpu shares the model as the placement options say. crema doctor lists them (${DEFAULT-VALUE}).")
    private List<String> devices;

    @Mixin
    private SharingMixin sharing;

    @Option(names = "--precision", paramLabel = "P", defaultValue = "fast", description = "f32 or fast (${DEFAULT-VALUE}).")
    private Precision precision;

    @Option(names = {"-ctk",
        "--cache-type"}, paramLabel = "T", defaultValue = "f16", description = "How the attention cache is kept: f32, f16, q8_0 (${DEFAULT-VALUE}).")
    private Cache.Type cacheType;

    @Option(names = "--warm-up", paramLabel = "SECONDS", defaultValue = "1", description = "Length of a round of warming up; rounds follow until a test gets no faster. 0: one run (${DEFAULT-VALUE}).")
    private double warmUp;

    @Option(names = {"-o",
        "--output"}, paramLabel = "FORMAT", defaultValue = "md", description = "md, csv, json, jsonl or html (${DEFAULT-VALUE}).")
    private BenchOutput format;

    @Option(names = "--write", paramLabel = "FILE", description = "Also write the results to a file; .md .csv .json .jsonl .html .png.")
    private List<Path> write = new ArrayList<>();

    @Option(names = "--sweep", description = "Test 1 to 64 streams, then depths up to 8192, instead of -p and -n.")
    private boolean sweep;

    @Option(names = "--profile", description = "Show where the time of each test goes.")
    private boolean profile;

    @Option(names = "--ops", arity = "0..1", fallbackValue = "", paramLabel = "REGEX", description = "Time single ops instead of models; all, or those whose name contains this: MatMul/Q4_K.")
    private String ops;

    @Option(names = "--compare", paramLabel = "FILE", description = "Print what changed, beyond the noise, since this JSON was written.")
    private Path compare;

    @Option(names = "--save-model", paramLabel = "FILE", description = "Measure nothing; write the synthetic layers that -m names to a GGUF file, for llama-bench and others.")
    private Path save;

    @Option(names = "--import", paramLabel = "FILE", description = "Put the JSON of llama-bench beside the results.")
    private Path imported;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    /** A subject with its trials, and how long they may take. */
    private record Part(Runner.Source source, List<Trial> trials, Duration limit) {}

    @Override
    public Integer call() throws IOException {
        if (save != null) {
            return save();
        }
        // What is wrong with the command line shows before anything is measured.
        List<Part> parts = ops == null ? parts() : List.of();
        List<Entry> before = compare == null ? List.of() : Entry.read(compare);
        List<Entry> others = imported == null ? List.of() : Entry.read(imported);
        write.forEach(BenchOutput::of);
        PlacementOptions placement = sharing.options(line -> {});
        Map<String, Device> open = new LinkedHashMap<>();
        try (BenchProgress progress = new BenchProgress()) {
            List<Site> sites = new ArrayList<>();
            for (String ids : deviceIds()) {
                List<Device> site = new ArrayList<>();
                for (String id : ids.split("\\+", -1)) {
                    Device device = open.computeIfAbsent(id, each -> Devices.open(each, new DeviceOptions(threads,
                            Long.MAX_VALUE)));
                    if (site.contains(device)) {
                        throw new DeviceException("device " + id + " is named twice in \"" + ids + "\"");
                    }
                    site.add(device);
                }
                sites.add(new Site(site, placement));
            }
            return ops == null ? models(sites, parts, before, others, progress) : ops(List.copyOf(open.values()), progress);
        } finally {
            open.values().forEach(Device::close);
        }
    }

    private int save() throws IOException {
        Synthetic.Typed layers = models.size() != 1 ? null : Synthetic.parse(models.getFirst()).orElse(null);
        if (layers == null) {
            throw new CommandLine.ParameterException(spec.commandLine(),
                    "--save-model writes synthetic layers; name them, as in -m "
                            + Synthetic.LITE.id());
        }
        layers.write(save);
        Console.err().println("crema: wrote " + save + ", " + Report.bytes(Files.size(save)));
        return 0;
    }

    private int models(List<Site> sites, List<Part> parts, List<Entry> before, List<Entry> others, BenchProgress progress)
            throws IOException {
        Settings settings = Settings.DEFAULT.withRepetitions(repetitions).withBatch(batch).withThreads(threads)
                .withPrecision(precision).withCacheType(cacheType).withWarmUp(Duration.ofNanos((long) (warmUp * 1e9)));
        List<Result> results;
        List<String> skipped;
        try (Runner runner = new Runner(sites, settings, profile, progress)) {
            for (Part part : parts) {
                runner.run(part.source(), part.trials(), part.limit());
            }
            results = runner.results();
            skipped = runner.skipped();
        }
        progress.close();
        print(format.of(results, skipped));
        for (Path file : write) {
            BenchOutput.write(file, results, skipped);
        }
        skipped.forEach(reason -> Console.err().println("left out: " + reason));
        if (compare != null) {
            print("\n" + new Comparison(before, Entry.of(results)).report());
        }
        if (imported != null) {
            print("\n" + Comparison.beside(Entry.of(results), others));
        }
        return results.isEmpty() ? 1 : 0;
    }

    private int ops(List<Device> open, BenchProgress progress) throws IOException {
        List<String> skipped = new ArrayList<>();
        List<OpBench.Speed> speeds = OpBench.run(open, ops, precision, Math.min(warmUp, OPS_SECONDS), skipped, progress);
        progress.close();
        print(format.ofOps(speeds));
        for (Path file : write) {
            BenchOutput.writeOps(file, speeds);
        }
        skipped.forEach(reason -> Console.err().println("left out: " + reason));
        return speeds.isEmpty() ? 1 : 0;
    }

    private static void print(String text) {
        print(text.getBytes(StandardCharsets.UTF_8));
    }

    private static void print(byte[] bytes) {
        Console.out().write(bytes, 0, bytes.length);
    }

    /** The models that were asked for; without any, the embedded one and synthetic layers, in less than three minutes. */
    private List<Part> parts() {
        List<Part> parts = new ArrayList<>();
        if (models.isEmpty()) {
            parts.add(new Part(Subject::embedded, trials(512, 128), DEFAULT_LIMIT));
            long free = Devices.backends().get("cpu").discover().devices().getFirst().freeBytes();
            for (Synthetic each : Synthetic.values()) {
                if (MEMORY_FACTOR * each.bytes() > free) {
                    Console.err().println("left out: " + each.id() + " needs " + Report.bytes(MEMORY_FACTOR * each.bytes())
                            + " of memory to be sure, free are " + Report.bytes(free) + "; -m " + each.id()
                            + " tries all the same");
                    continue;
                }
                parts.add(new Part(Synthetic.parse(each.id()).orElseThrow(), trials(64, 16), DEFAULT_LIMIT));
            }
        }
        for (String model : models) {
            parts.add(new Part(
                    Synthetic.parse(model).<Runner.Source>map(layers -> layers).orElse(() -> Subject.open(Path.of(model))),
                    trials(512, 128), NO_LIMIT));
        }
        return parts;
    }

    private List<Trial> trials(int prompt, int generate) {
        if (sweep) {
            return Trial.sweep();
        }
        List<int[]> both = new ArrayList<>();
        for (String pair : pairs) {
            String[] numbers = pair.split(",", -1);
            try {
                both.add(new int[] {Integer.parseInt(numbers[0].strip()), Integer.parseInt(numbers[1].strip())});
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
                throw new CommandLine.ParameterException(spec.commandLine(), "-pg takes two numbers, as in 512,128, not " + pair,
                        e);
            }
        }
        List<Trial> trials = Trial.all(prompts == null ? List.of(prompt) : prompts,
                generates == null ? List.of(generate) : generates,
                both,
                depths, streams);
        if (trials.isEmpty()) {
            throw new CommandLine.ParameterException(spec.commandLine(), "no test is left; give -p, -n or -pg a number above 0");
        }
        return trials;
    }

    /** Every device of every backend but the reference, which only defines what is right. */
    private List<String> deviceIds() {
        List<String> ids = new ArrayList<>();
        for (String each : devices) {
            if (each.equals("all")) {
                for (Backend backend : Devices.backends().values()) {
                    if (!backend.name().equals("reference")) {
                        backend.discover().devices().stream().map(DeviceInfo::id).forEach(ids::add);
                    }
                }
            } else {
                ids.add(each.toLowerCase(Locale.ROOT));
            }
        }
        return ids;
    }
}
