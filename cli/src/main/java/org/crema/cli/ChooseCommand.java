package org.crema.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceInfo;
import org.crema.model.runtime.Devices;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Answers which file of a repository to take on this machine, or on another one. */
@Command(name = "choose", description = "Says which file of a repository to take: the fastest, and the best that fits.")
final class ChooseCommand implements Callable<Integer> {
    private static final String TABLE = "deepseek-coder-v2-instruct.json";
    private static final Pattern SIZE = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*([kmgt]?)(i?)b?");
    private static final Pattern SHARD = Pattern.compile("-\\d{5}-of-\\d{5}(?=\\.gguf$)");

    @Parameters(arity = "0..1", paramLabel = "FILES", description = "Folder of GGUF files, or JSON: a list of {\"name\", \"size\"}. Default: the published DeepSeek-Coder-V2-Instruct.")
    private Path files;

    @Option(names = "--vram", paramLabel = "SIZE", description = "Memory of the GPUs: 24G. Default: this machine's.")
    private String vram;

    @Option(names = "--ram", paramLabel = "SIZE", description = "Main memory: 64G. Default: this machine's.")
    private String ram;

    @Option(names = "--backend", paramLabel = "B", description = "What runs it: cuda, rocm, opencl, vulkan, cpu. Default: what this machine has.")
    private FileChoice.Runner runner;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    /** What this machine has. */
    private record Machine(long vram, long ram, FileChoice.Runner runner) {}

    @Override
    public Integer call() throws IOException {
        Machine here = vram == null || ram == null || runner == null ? machine() : new Machine(0, 0, runner);
        long gpu = vram == null ? here.vram : size(vram, true);
        long main = ram == null ? here.ram : size(ram, true);
        FileChoice.Runner with = runner != null ? runner : gpu > 0 && here.vram == 0 ? FileChoice.Runner.CUDA : here.runner;
        List<FileChoice.Candidate> candidates = candidates();
        if (candidates.isEmpty()) {
            throw new IOException(files + " has no GGUF files to choose from");
        }
        List<FileChoice.Advice> advice = FileChoice.advise(candidates, gpu, main, with);
        if (json) {
            Console.out().println(Report.json(fields(gpu, main, with, advice)));
            return 0;
        }
        var out = Console.out();
        out.printf(Locale.ROOT, "VRAM %s, RAM %s, %s%n%n", Report.bytes(gpu), Report.bytes(main), with);
        out.printf("%-28s %-44s %9s  %s%n", "aim", "file", "GB", "why");
        for (FileChoice.Advice each : advice) {
            out.printf("%-28s %-44s %9s  %s%n", each.aim(), each.file().map(FileChoice.Candidate::name).orElse("none"),
                    each.file()
                            .map(file -> "%.1f".formatted(file.bytes() / 1e9)).orElse(""),
                    each.reason());
        }
        return 0;
    }

    private static Map<String, Object> fields(long vram, long ram, FileChoice.Runner runner, List<FileChoice.Advice> advice) {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("vram", vram);
        report.put("ram", ram);
        report.put("backend", runner.toString().toLowerCase(Locale.ROOT));
        report.put("advice", advice.stream().map(each -> {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("aim", each.aim());
            fields.put("room", each.room());
            fields.put("file", each.file().map(FileChoice.Candidate::name).orElse(null));
            fields.put("bytes", each.file().map(FileChoice.Candidate::bytes).orElse(null));
            fields.put("reason", each.reason());
            return fields;
        }).toList());
        return report;
    }

    private static Machine machine() {
        long main = 0;
        long cards = 0;
        FileChoice.Runner runner = FileChoice.Runner.CPU;
        for (Backend backend : Devices.backends().values()) {
            long mine = 0;
            for (DeviceInfo info : backend.discover().devices()) {
                if (info.kind() == DeviceInfo.Kind.DISCRETE) {
                    mine += info.memoryBytes();
                } else if (info.kind() == DeviceInfo.Kind.HOST) {
                    main = Math.max(main, info.memoryBytes());
                }
            }
            // One card may be known to several backends.
            Optional<FileChoice.Runner> known = FileChoice.Runner.of(backend.name());
            if (mine > cards && known.isPresent()) {
                cards = mine;
                runner = known.get();
            }
        }
        return new Machine(cards, main, runner);
    }

    private List<FileChoice.Candidate> candidates() throws IOException {
        if (files == null) {
            try (InputStream in = ChooseCommand.class.getResourceAsStream(TABLE)) {
                return fromJson(TABLE, in.readAllBytes());
            }
        }
        return Files.isDirectory(files) ? fromFolder(files) : fromJson(files.toString(), Files.readAllBytes(files));
    }

    private static List<FileChoice.Candidate> fromFolder(Path folder) throws IOException {
        Map<String, Long> sizes = new TreeMap<>();
        try (Stream<Path> found = Files.walk(folder)) {
            for (Path file : found.filter(f -> f.toString().endsWith(".gguf")).toList()) {
                sizes.merge(SHARD.matcher(folder.relativize(file).toString()).replaceAll(""), Files.size(file), Long::sum);
            }
        }
        List<FileChoice.Candidate> all = new ArrayList<>();
        sizes.forEach((name, size) -> all.add(new FileChoice.Candidate(name, size, "")));
        all.sort(Comparator.comparingLong(FileChoice.Candidate::bytes).reversed());
        return all;
    }

    private static List<FileChoice.Candidate> fromJson(String name, byte[] text) throws IOException {
        try {
            JsonNode root = new ObjectMapper().readTree(text);
            JsonNode list = root.isArray() ? root : root.path("files");
            List<FileChoice.Candidate> all = new ArrayList<>();
            for (JsonNode each : list) {
                if (!each.path("name").isString() || !(each.path("size").isString() || each.path("size").isIntegralNumber())) {
                    throw new IOException(name + ": " + each + " is not {\"name\": …, \"size\": bytes or \"142.45GB\"}");
                }
                JsonNode size = each.get("size");
                all.add(new FileChoice.Candidate(each.get("name").asString(), size.isString()
                        ? size(size.asString(), false)
                        : size.asLong(), each.path("note").asString("")));
            }
            return all;
        } catch (JacksonException e) {
            throw new IOException(name + " is not JSON: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * Bytes of "24G", "142.45GB", "16GiB".
     *
     * @param binary whether a unit without an i is one of 1024, as for memory, or of 1000, as for files
     */
    static long size(String text, boolean binary) {
        Matcher m = SIZE.matcher(text.strip().toLowerCase(Locale.ROOT));
        if (!m.matches()) {
            throw new IllegalArgumentException("\"" + text + "\" is not a size, as in 24G or 1500M");
        }
        double unit = binary || !m.group(3).isEmpty() ? 1024 : 1000;
        return (long) (Double.parseDouble(m.group(1)) * Math.pow(unit, " kmgt".indexOf(m.group(2).isEmpty() ? " " : m.group(2))));
    }
}
