package org.crema.bench;

import java.awt.Color;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries;

/** The same picture as the page's as one image: a chart for each model and test, a bar for each device, and its limit. */
public final class Chart {
    private static final int WIDTH = 480;
    private static final int HEIGHT = 320;
    private static final int COLUMNS = 2;

    private Chart() {}

    /**
     * Writes a PNG image.
     *
     * @throws IllegalArgumentException if there are no results
     */
    public static void png(List<Result> results, OutputStream to) throws IOException {
        if (results.isEmpty()) {
            throw new IllegalArgumentException("there is nothing to draw: no test was run");
        }
        Map<String, List<Result>> groups = new LinkedHashMap<>();
        results.forEach(
                r -> groups.computeIfAbsent(r.subject().type() + ", " + r.trial().label(), t -> new ArrayList<>()).add(r));
        List<CategoryChart> charts = new ArrayList<>();
        groups.forEach((title, group) -> charts.add(chart(title, group)));
        int columns = Math.min(COLUMNS, charts.size());
        BitmapEncoder.saveBitmap(charts, Math.ceilDiv(charts.size(), columns), columns, to, BitmapEncoder.BitmapFormat.PNG);
    }

    private static CategoryChart chart(String title, List<Result> group) {
        CategoryChart chart = new CategoryChartBuilder().width(WIDTH).height(HEIGHT).title(title).yAxisTitle("tokens/s").build();
        List<String> devices = group.stream().map(Result::devices).toList();
        List<Double> medians = group.stream().map(r -> r.samples().median()).toList();
        List<Double> spreads = group.stream().map(r -> r.samples().deviation()).toList();
        chart.addSeries("measured", devices, medians, spreads).setFillColor(Color.decode(Html.COLOURS.getFirst()));
        CategorySeries limit = chart.addSeries("limit", devices, group.stream().map(Result::limit).toList());
        limit.setChartCategorySeriesRenderStyle(CategorySeries.CategorySeriesRenderStyle.Stick);
        return chart;
    }
}
