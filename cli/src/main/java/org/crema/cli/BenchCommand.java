package org.crema.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.crema.bench.Records;
import org.crema.bench.Result;
import org.crema.bench.Runner;
import org.crema.bench.Settings;
import org.crema.bench.Subject;
import org.crema.bench.Synthetic;
import org.crema.bench.Table;
import org.crema.bench.Trial;
import org.crema.kernels.Backend;
import org.crema.kernels.Cache;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.model.runtime.Devices;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Times models on devices. */
@Command(name = "bench", description = "Times reading prompts (pp) and writing answers (tg) on every device, as llama-bench does, beside what each device can do at most.")
final class BenchCommand implements Callable<Integer> {
    /** How results are written. */
    enum Format {
        MD,
        CSV,
        JSON,
        JSONL
    }

    @Option(names = {"-m", "--model"}, split = ",", paramLabel = "FILE", description = "GGUF files. Default: the embedded model.")
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
        "--device"}, split = ",", paramLabel = "ID", defaultValue = "all", description = "Devices: all, cpu, opencl:0, …; crema doctor lists them (${DEFAULT-VALUE}).")
    private List<String> devices;

    @Option(names = "--precision", paramLabel = "P", defaultValue = "fast", description = "f32 or fast (${DEFAULT-VALUE}).")
    private Precision precision;

    @Option(names = {"-ctk",
        "--cache-type"}, paramLabel = "T", defaultValue = "f16", description = "How the attention cache is kept: f32, f16, q8_0 (${DEFAULT-VALUE}).")
    private Cache.Type cacheType;

    @Option(names = "--warm-up", paramLabel = "SECONDS", defaultValue = "1", description = "Length of a round of warming up; rounds follow until a test gets no faster. 0: one run (${DEFAULT-VALUE}).")
    private double warmUp;

    @Option(names = {"-o",
        "--output"}, paramLabel = "FORMAT", defaultValue = "md", description = "md, csv, json or jsonl (${DEFAULT-VALUE}).")
    private Format format;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<Trial> trials = trials();
        Settings settings = Settings.DEFAULT.withRepetitions(repetitions).withBatch(batch).withThreads(threads)
                .withPrecision(precision).withCacheType(cacheType).withWarmUp(Duration.ofNanos((long) (warmUp * 1e9)));
        List<Device> open = new ArrayList<>();
        try {
            for (String id : deviceIds()) {
                open.add(Devices.open(id, new DeviceOptions(threads, Long.MAX_VALUE)));
            }
            Runner runner = new Runner(open, settings, Runner.Listener.NONE);
            for (Runner.Source source : sources()) {
                runner.run(source, trials);
            }
            Console.out().print(text(runner.results()));
            runner.skipped().forEach(reason -> Console.err().println("left out: " + reason));
            return runner.results().isEmpty() ? 1 : 0;
        } finally {
            open.forEach(Device::close);
        }
    }

    private List<Runner.Source> sources() {
        List<Runner.Source> sources = new ArrayList<>();
        if (models.isEmpty()) {
            sources.add(Subject::embedded);
        }
        for (String model : models) {
            sources.add(Synthetic.parse(model).orElse(() -> Subject.open(Path.of(model))));
        }
        return sources;
    }

    private List<Trial> trials() {
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
        List<Trial> trials = Trial.all(prompts == null ? List.of(512) : prompts, generates == null ? List.of(128) : generates,
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

    private String text(List<Result> results) {
        return switch (format) {
            case MD -> Table.of(results);
            case CSV -> Records.csv(results);
            case JSON -> Records.json(results);
            case JSONL -> Records.jsonLines(results);
        };
    }
}
