package org.crema.backend.cpu.gen;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The orders of activations that the kernels of one vector width ask for; equal ones are kept once. */
final class Packings {
    private final Map<String, String> names = new LinkedHashMap<>();

    String name(Format format, int lanes, int[] order, List<Site.Sum> sums) {
        boolean plain = Arrays.equals(order, IntStream.range(0, order.length).toArray());
        if (plain && sums.isEmpty()) {
            return "Packing.PLAIN";
        }
        Text text = new Text();
        text.line(2, "    " + format.weights() + ",");
        table(text, plain ? new int[0] : order, lanes, sums.isEmpty() ? ");" : ",");
        for (int i = 0; i < sums.size(); i += 4) {
            text.line(3, sums.subList(i, Math.min(sums.size(), i + 4)).stream()
                    .map(sum -> "new Packing.Sum(" + sum.first() + ", " + sum.count() + ", " + sum.factor() + "f)")
                    .collect(Collectors.joining(", ")) + (i + 4 < sums.size() ? "," : ");"));
        }
        return "Packings" + lanes + "." + names.computeIfAbsent(text.toString(), key -> format.type().name());
    }

    private static void table(Text text, int[] values, int perLine, String end) {
        text.line(3, "new int[] {");
        for (int i = 0; i < values.length; i += perLine) {
            text.line(4, Arrays.stream(values, i, Math.min(values.length, i + perLine)).mapToObj(Integer::toString)
                    .collect(Collectors.joining(", ")) + ",");
        }
        text.line(3, "}" + end);
    }

    String source(int lanes) {
        Text text = new Text();
        text.line(0, "package " + Generate.PACKAGE + ";");
        text.blank();
        text.line(0, "import javax.annotation.processing.Generated;");
        text.blank();
        text.line(0, "/** Orders of activations at " + lanes + " lanes: columns by place, one vector a line; sums as first, count, factor. */");
        text.line(0, Generate.ANNOTATION);
        text.line(0, "final class Packings" + lanes + " {");
        names.forEach((value, name) -> {
            text.line(1, "static final Packing " + name + " = new Packing(");
            text.line(0, value.stripTrailing());
            text.blank();
        });
        text.line(1, "private Packings" + lanes + "() {}");
        text.line(0, "}");
        return text.toString();
    }
}
