package org.crema.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which file of a repository to take, by the rules that publishers of GGUF files give: for speed the largest that is 1 to 2 GB smaller than
 * the memory of the GPU; for quality the largest that is as much smaller than that and main memory together. Below four bits, I-quants
 * where CUDA or ROCm runs them, K-quants on the CPU, where I-quants are slower; never I-quants on Vulkan.
 */
final class FileChoice {
    /** Bytes that a file must be smaller than the memory: for the cache and scratch of a usual context. */
    static final long SPARE = 1_000_000_000;
    /** An I-quant takes the place of a K-quant that is larger by no more than this. */
    private static final double SAME_CLASS = 0.75;
    private static final Pattern TYPE = Pattern.compile("(?:^|[-._])((IQ|TQ|Q|BF|F)(\\d+)(?:_[A-Z0-9]+)*)(?=[-._]|$)");

    private FileChoice() {}

    /** What runs the model. */
    enum Runner {
        CUDA(true),
        ROCM(true),
        OPENCL(true),
        VULKAN(false),
        CPU(true);

        private final boolean runsGrids;

        Runner(boolean runsGrids) {
            this.runsGrids = runsGrids;
        }

        /** The one with a backend's name, if there is one. */
        static Optional<Runner> of(String backend) {
            return Arrays.stream(values()).filter(each -> each.name().equalsIgnoreCase(backend)).findFirst();
        }

        /** Whether I-quants are worth looking at below four bits. */
        private boolean favoursGrids() {
            return this == CUDA || this == ROCM;
        }
    }

    /**
     * A file of a repository.
     *
     * @param bytes of all its shards
     * @param note of the publisher, or empty
     */
    record Candidate(String name, long bytes, String note) {
        /** As in the name: Q4_K_M. */
        String type() {
            Matcher m = TYPE.matcher(name.replaceAll("\\.gguf$", ""));
            String last = "";
            while (m.find()) {
                last = m.group(1);
            }
            return last;
        }

        /** I-quants with code books; IQ4_NL and IQ4_XS have a table of 16 levels and are like K-quants. */
        boolean grid() {
            return type().startsWith("IQ") && !type().startsWith("IQ4");
        }

        private boolean belowFourBits() {
            Matcher m = Pattern.compile("\\D+(\\d+).*").matcher(type());
            return m.matches() && Integer.parseInt(m.group(1)) < 4;
        }

        private boolean discouraged() {
            return note.toLowerCase(Locale.ROOT).contains("not recommended") || type().startsWith("IQ1");
        }
    }

    /**
     * Advice for one aim.
     *
     * @param aim in words
     * @param room bytes that a file may have
     * @param file the choice; empty if none fits
     * @param reason why, or what would help
     */
    record Advice(String aim, long room, Optional<Candidate> file, String reason) {}

    /**
     * Advice for speed, then for quality.
     *
     * @param vram bytes of the GPUs' memory; 0 without one
     * @param ram bytes of main memory
     */
    static List<Advice> advise(List<Candidate> files, long vram, long ram, Runner runner) {
        List<Advice> advice = new ArrayList<>();
        Runner main = vram == 0 ? Runner.CPU : runner;
        advice.add(vram == 0
                ? new Advice("fastest: all in VRAM", 0, Optional.empty(),
                        "there is no GPU; on the CPU the smaller file is the faster")
                : pick("fastest: all in VRAM", files, vram - SPARE, main));
        advice.add(pick("best quality: VRAM and RAM", files, vram + ram - SPARE, main));
        return advice;
    }

    private static Advice pick(String aim, List<Candidate> files, long room, Runner runner) {
        Predicate<Candidate> fits = file -> file.bytes <= room && (runner.runsGrids || !file.grid());
        List<Candidate> able = files.stream().filter(fits).sorted(Comparator.comparingLong(Candidate::bytes).reversed()).toList();
        if (able.isEmpty()) {
            return new Advice(aim, room, Optional.empty(), none(files, room, runner));
        }
        Candidate largest = able.getFirst();
        Optional<Candidate> plain = able.stream().filter(file -> !file.grid()).findFirst();
        if (runner.favoursGrids() && largest.belowFourBits()) {
            Optional<Candidate> grid = able.stream().filter(file -> file.grid() && !file.discouraged())
                    .filter(file -> file.bytes >= SAME_CLASS * largest.bytes).findFirst();
            if (grid.isPresent()) {
                return new Advice(aim, room, grid, "below four bits, I-quants give more for their size on " + runner
                        + (largest.grid() ? "" : "; the largest K-quant that fits is " + largest.type()));
            }
        }
        if (runner == Runner.CPU && largest.grid() && plain.isPresent()) {
            return new Advice(aim, room, plain, "K-quants are faster on the CPU than I-quants");
        }
        if (!runner.favoursGrids() && plain.isPresent()) {
            return new Advice(aim, room, plain, "the largest K-quant that fits" + (runner == Runner.VULKAN
                    ? "; Vulkan does not run I-quants"
                    : "") + warning(plain.get()));
        }
        return new Advice(aim, room, Optional.of(largest),
                (largest.grid() ? "no K-quant fits" : "the largest that fits") + warning(
                        largest));
    }

    private static String warning(Candidate file) {
        return file.discouraged() ? "; its quality is extremely low" : file.note.isEmpty() ? "" : "; " + file.note;
    }

    private static String none(List<Candidate> files, long room, Runner runner) {
        Optional<Candidate> smallest = files.stream().filter(file -> runner.runsGrids || !file.grid())
                .min(Comparator.comparingLong(
                        Candidate::bytes));
        return smallest
                .map(file -> String.format(Locale.ROOT, "the smallest that %s runs, %s, is %.1f GB; there is room for %.1f",
                        runner, file.type(), file.bytes / 1e9, Math.max(0, room) / 1e9))
                .orElse("no file is of a type that " + runner + " runs");
    }
}
