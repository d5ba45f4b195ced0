package org.crema.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A page that needs nothing but a browser: bars of each device with the limit that it measured, and all numbers as tables. */
public final class Html {
    /** Colours that people who see colours differently can tell apart: Okabe and Ito, 2008. */
    static final List<String> COLOURS = List.of("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00");
    private static final int WIDTH = 640;
    private static final int LABEL = 110;
    private static final int NUMBERS = 280;
    private static final int ROW = 26;
    private static final String STYLE = """
            body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 68rem; padding: 0 1rem; color: #222 }
            h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } h3 { font-size: 1rem; margin-bottom: .2rem }
            table { border-collapse: collapse; font-size: .9rem } td, th { padding: .2rem .6rem; border-bottom: 1px solid #ddd }
            td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } svg { display: block } .note { color: #555 }
            """;

    private final StringBuilder page = new StringBuilder();

    private Html() {}

    /**
     * The page of a run.
     *
     * @param skipped what could not be run, and why
     */
    public static String of(List<Result> results, List<String> skipped) {
        Html html = new Html();
        html.head(results);
        Map<String, List<Result>> bySubject = new LinkedHashMap<>();
        results.forEach(r -> bySubject.computeIfAbsent(r.subject().file(), f -> new ArrayList<>()).add(r));
        bySubject.values().forEach(html::subject);
        results.forEach(r -> r.profile().ifPresent(html::profile));
        if (!skipped.isEmpty()) {
            html.page.append("<h2>Left out</h2>\n<ul>\n");
            skipped.forEach(reason -> html.page.append("<li>").append(escape(reason)).append("</li>\n"));
            html.page.append("</ul>\n");
        }
        return html.page.append("</body>\n</html>\n").toString();
    }

    private void head(List<Result> results) {
        page.append(
                "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>crema bench</title>\n<style>\n")
                .append(STYLE).append("</style>\n</head>\n<body>\n<h1>crema bench</h1>\n");
        if (results.isEmpty()) {
            page.append("<p>Nothing was timed.</p>\n");
            return;
        }
        Result first = results.getFirst();
        Environment e = first.environment();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("time", first.time().toString());
        facts.put("commit", e.commit());
        facts.put("processor", e.processor() + ", " + e.cores() + " cores" + (e.clockMhz().isPresent()
                ? String.format(Locale.ROOT, ", %.0f MHz", e.clockMhz().getAsDouble())
                : ""));
        facts.put("system", e.os());
        facts.put("Java", e.jvm());
        facts.put("Java options", String.join(" ", e.jvmFlags()));
        facts.put("settings", first.settings().precision().name().toLowerCase(Locale.ROOT) + " precision, " + first.settings()
                .cacheType().name().toLowerCase(Locale.ROOT) + " cache, steps of " + first.settings().batch());
        for (Result r : results) {
            for (Share share : r.shares()) {
                facts.put(share.device().id(), share.device().name() + " " + share.device().details() + String.format(Locale.ROOT,
                        "; at best %.1f GB/s, %.1f GFLOP/s, %.1f GOP/s in products", share.rates().bytesPerSecond() / 1e9,
                        share.rates().flopsPerSecond()
                                / 1e9,
                        share.rates().productsPerSecond() / 1e9));
            }
        }
        page.append(
                "<p class=\"note\">Bars: median tokens per second. Thin line: slowest to fastest sample. Upright line: what the"
                        + " bandwidth and arithmetic that the device reached in this run would allow.</p>\n<table>\n");
        facts.forEach(
                (name, value) -> page.append("<tr><th>").append(escape(name)).append("</th><td>").append(escape(value)).append(
                        "</td></tr>\n"));
        page.append("</table>\n");
    }

    private void subject(List<Result> results) {
        Subject subject = results.getFirst().subject();
        page.append("<h2>").append(escape(subject.type())).append("</h2>\n<p class=\"note\">").append(escape(subject.file() + ", "
                + Table.size(subject.bytes()) + ", " + Table.params(subject.parameters()) + " weights, "
                + subject.types().keySet()
                + ", hash " + subject.hash() + (subject.note().isEmpty() ? "" : "; " + subject.note()))).append("</p>\n");
        Map<Trial, List<Result>> byTrial = new LinkedHashMap<>();
        results.forEach(r -> byTrial.computeIfAbsent(r.trial(), t -> new ArrayList<>()).add(r));
        byTrial.forEach(this::bars);
    }

    /** A bar for each device: the median, with whiskers from the least to the most, and a line at the limit of the device. */
    private void bars(Trial trial, List<Result> results) {
        double most = results.stream().mapToDouble(r -> Math.max(r.samples().most(), r.limit())).max().orElseThrow();
        page.append("<h3>").append(escape(trial.label())).append("</h3>\n");
        svg(results.size() * ROW);
        for (int i = 0; i < results.size(); i++) {
            Result r = results.get(i);
            Samples s = r.samples();
            int y = i * ROW;
            text(0, y, r.devices());
            bar(y, s.median() / most, COLOURS.get(i % COLOURS.size()));
            line("whisker", s.least() / most, s.most() / most, y + ROW / 2.0, y + ROW / 2.0);
            line("limit", r.limit() / most, r.limit() / most, y + 1, y + ROW - 1);
            text(LABEL + WIDTH + 8, y,
                    String.format(Locale.ROOT, "%.1f ± %.1f t/s, %.1f %% of limit", s.median(), s.deviation(), 100
                            * r.share()));
        }
        page.append("</svg>\n");
    }

    private void profile(Profile profile) {
        page.append("<h2>Where a step's time goes: ")
                .append(escape(profile.subject() + ", " + profile.device() + ", " + profile.trial()
                        .label()))
                .append("</h2>\n");
        svg(profile.pieces().size() * ROW);
        double most = profile.pieces().isEmpty() ? 1 : profile.pieces().getFirst().share();
        for (int i = 0; i < profile.pieces().size(); i++) {
            Profile.Piece piece = profile.pieces().get(i);
            bar(i * ROW, 0.6 * piece.share() / most, COLOURS.getFirst());
            text(LABEL + (int) (0.6 * WIDTH * piece.share() / most) + 8, i * ROW, piece.name());
            text(0, i * ROW, String.format(Locale.ROOT, "%.1f %%", 100 * piece.share()));
        }
        page.append("</svg>\n");
    }

    private void svg(int height) {
        page.append(
                String.format(Locale.ROOT, "<svg width=\"%d\" height=\"%d\" font-size=\"13\">%n", LABEL + WIDTH + NUMBERS + 40,
                        height));
    }

    private void bar(int y, double share, String colour) {
        page.append(
                String.format(Locale.ROOT, "<rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
                        LABEL, y + 4, Math.max(1, share * WIDTH), ROW - 8, colour));
    }

    private void line(String kind, double from, double to, double y, double toY) {
        page.append(String.format(Locale.ROOT,
                "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#222\" stroke-width=\"%s\"/>%n",
                kind,
                LABEL + from * WIDTH, LABEL + to * WIDTH, y, toY, kind.equals("limit") ? "2" : "1"));
    }

    private void text(int x, int y, String text) {
        page.append(String.format(Locale.ROOT, "<text x=\"%d\" y=\"%d\">%s</text>%n", x, y + ROW - 9, escape(text)));
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
