package org.crema.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** A Markdown table whose columns line up in plain text as well. */
public final class Table {
    private final List<String> names = new ArrayList<>();
    private final List<Boolean> numbers = new ArrayList<>();
    private final List<List<String>> rows = new ArrayList<>();

    /** A column of words. */
    public Table words(String name) {
        names.add(name);
        numbers.add(false);
        return this;
    }

    /** A column of numbers, which are aligned to the right. */
    public Table numbers(String name) {
        names.add(name);
        numbers.add(true);
        return this;
    }

    /** Adds a row with a cell for each column. */
    public Table row(String... cells) {
        if (cells.length != names.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + names.size() + " columns");
        }
        rows.add(List.of(cells));
        return this;
    }

    /** The table, a row a line. */
    public String markdown() {
        int[] widths = new int[names.size()];
        for (int c = 0; c < widths.length; c++) {
            widths[c] = names.get(c).length();
            for (List<String> row : rows) {
                widths[c] = Math.max(widths[c], row.get(c).length());
            }
        }
        StringBuilder text = new StringBuilder();
        line(text, names, widths);
        for (int c = 0; c < widths.length; c++) {
            text.append(c == 0 ? "| " : " ").append("-".repeat(widths[c] - (numbers.get(c) ? 1 : 0))).append(numbers.get(c)
                    ? ": |"
                    : " |");
        }
        text.append('\n');
        rows.forEach(row -> line(text, row, widths));
        return text.toString();
    }

    private void line(StringBuilder text, List<String> cells, int[] widths) {
        text.append('|');
        for (int c = 0; c < widths.length; c++) {
            String pad = " ".repeat(widths[c] - cells.get(c).length());
            text.append(' ').append(numbers.get(c) ? pad + cells.get(c) : cells.get(c) + pad).append(" |");
        }
        text.append('\n');
    }

    /** The table of a benchmark, with llama-bench's columns and ours. */
    public static String of(List<Result> results) {
        Table table = new Table().words("model").numbers("size").numbers("params").words("backend").words("device")
                .words("placement").words("test").numbers("t/s").numbers("median").numbers("of limit");
        for (Result r : results) {
            Samples s = r.samples();
            table.row(r.subject().type(), size(r.subject().bytes()), params(r.subject().parameters()), r.backends(),
                    r.devices(), r.placement(), r.trial().label(),
                    String.format(Locale.ROOT, "%.2f ± %.2f", s.mean(), s.deviation()),
                    String.format(Locale.ROOT, "%.2f", s.median()), String.format(Locale.ROOT, "%.1f %%", 100 * r.share()));
        }
        return table.markdown();
    }

    /** How many of the samples do not count as much as others, because the machine was not left to itself; nothing if none. */
    public static Optional<String> note(List<Result> results) {
        List<Double> paces = results.stream().flatMap(result -> result.paces().values().stream()).toList();
        double best = paces.stream().mapToDouble(Double::doubleValue).max().orElse(0);
        double worst = paces.stream().mapToDouble(Double::doubleValue).min().orElse(0);
        long slowed = paces.stream().filter(pace -> !Pace.clean(pace, best)).count();
        return slowed == 0
                ? Optional.empty()
                : Optional.of(
                        String.format(Locale.ROOT, "host: %d of %d samples were taken while something else slowed its cores, to "
                                + "%.0f %% at worst", slowed, paces.size(), 100 * worst / best));
    }

    static String size(long bytes) {
        return bytes < 1L << 30
                ? String.format(Locale.ROOT, "%.2f MiB", bytes / 1048576.0)
                : String.format(Locale.ROOT, "%.2f GiB", bytes / 1073741824.0);
    }

    static String params(long count) {
        return count < 1_000_000_000
                ? String.format(Locale.ROOT, "%.2f M", count / 1e6)
                : String.format(Locale.ROOT, "%.2f B", count / 1e9);
    }
}
