package org.crema.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.crema.bench.Chart;
import org.crema.bench.Html;
import org.crema.bench.OpBench;
import org.crema.bench.Records;
import org.crema.bench.Result;
import org.crema.bench.Share;
import org.crema.bench.Table;

/** How results are written. */
enum BenchOutput {
    MD {
        @Override
        byte[] of(List<Result> results, List<String> skipped) {
            StringBuilder text = new StringBuilder(Table.of(results));
            notes(results).forEach(note -> text.append("\n").append(note).append('\n'));
            results.forEach(result -> result.profile().ifPresent(profile -> text.append('\n').append(profile.table())));
            return utf8(text.toString());
        }

        @Override
        byte[] ofOps(List<OpBench.Speed> speeds) {
            return utf8(OpBench.table(speeds));
        }
    },
    CSV {
        @Override
        byte[] of(List<Result> results, List<String> skipped) {
            return utf8(Records.csv(results.stream().map(Result::fields).toList()));
        }

        @Override
        byte[] ofOps(List<OpBench.Speed> speeds) {
            return utf8(Records.csv(speeds.stream().map(OpBench.Speed::fields).toList()));
        }
    },
    JSON {
        @Override
        byte[] of(List<Result> results, List<String> skipped) {
            return utf8(Records.json(results.stream().map(Result::fields).toList()));
        }

        @Override
        byte[] ofOps(List<OpBench.Speed> speeds) {
            return utf8(Records.json(speeds.stream().map(OpBench.Speed::fields).toList()));
        }
    },
    JSONL {
        @Override
        byte[] of(List<Result> results, List<String> skipped) {
            return utf8(Records.jsonLines(results.stream().map(Result::fields).toList()));
        }

        @Override
        byte[] ofOps(List<OpBench.Speed> speeds) {
            return utf8(Records.jsonLines(speeds.stream().map(OpBench.Speed::fields).toList()));
        }
    },
    HTML {
        @Override
        byte[] of(List<Result> results, List<String> skipped) {
            return utf8(Html.of(results, skipped));
        }
    },
    PNG {
        @Override
        byte[] of(List<Result> results, List<String> skipped) throws IOException {
            ByteArrayOutputStream image = new ByteArrayOutputStream();
            Chart.png(results, image);
            return image.toByteArray();
        }
    };

    /** Results as a file of this kind. */
    abstract byte[] of(List<Result> results, List<String> skipped) throws IOException;

    /** Speeds of single ops as a file of this kind. */
    byte[] ofOps(List<OpBench.Speed> speeds) {
        throw new IllegalArgumentException("speeds of single ops are written as md, csv, json or jsonl, not as " + this);
    }

    /** The kind of a file, by the end of its name. */
    static BenchOutput of(Path file) {
        String name = file.toString();
        String end = name.substring(name.lastIndexOf('.') + 1).toUpperCase(Locale.ROOT);
        for (BenchOutput each : values()) {
            if (each.name().equals(end)) {
                return each;
            }
        }
        throw new IllegalArgumentException("the name of " + file + " should end in .md, .csv, .json, .jsonl, .html or .png");
    }

    /** Writes a file as its name says. */
    static void write(Path file, List<Result> results, List<String> skipped) throws IOException {
        Files.write(file, of(file).of(results, skipped));
    }

    /** Writes a file of single ops as its name says. */
    static void writeOps(Path file, List<OpBench.Speed> speeds) throws IOException {
        Files.write(file, of(file).ofOps(speeds));
    }

    /** What was measured, where a name does not tell, and the limits that shares refer to. */
    private static List<String> notes(List<Result> results) {
        Map<String, String> notes = new LinkedHashMap<>();
        for (Result r : results) {
            for (Share share : r.shares()) {
                String id = share.device().id();
                notes.put(id, String.format(Locale.ROOT,
                        "%s: %s, at best %.1f GB/s, %.1f GFLOP/s and %.1f GOP/s in products in this run", id,
                        share.device().name(), share.rates().bytesPerSecond() / 1e9, share.rates().flopsPerSecond() / 1e9, share
                                .rates().productsPerSecond() / 1e9));
            }
            if (!r.subject().note().isEmpty()) {
                notes.put(r.subject().file(), r.subject().file() + ": " + r.subject().note());
            }
        }
        List<String> lines = new ArrayList<>(notes.values());
        Table.note(results).ifPresent(lines::add);
        return lines;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
