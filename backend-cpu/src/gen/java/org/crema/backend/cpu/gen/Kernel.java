package org.crema.backend.cpu.gen;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Writes the class of one type at one vector width: mat-vec of one row and of several, and the dequantised tile row. */
final class Kernel {
    // Estimated bytecodes that methods should not have more of. C2 stops inlining in the midst of a method that has become too large
    // (how large depends on what else ran in the JVM), and vectors become objects; C1 cannot compile methods above the first limit.
    // A block that needs more is dealt out to several methods. The product of one row is what decoding lives on, and seldom too large;
    // in a tile it costs little to deal out.
    private static final int ROW = 1600;
    private static final int ROWS = 1200;
    private static final int TILE = 800;

    private static final Pattern CONSTANT = Pattern.compile("\\b(int|byte|float)_[0-9a-f]+\\b");

    final Format format;
    final int lanes;
    private final Map<String, String> constants = new LinkedHashMap<>();
    private final List<String> methods = new ArrayList<>();
    private int[] order;
    private List<Site.Sum> sums;

    Kernel(Format format, int lanes) {
        this.format = format;
        this.lanes = lanes;
    }

    static String className(Format format, int lanes) {
        return format.type().name() + "x" + lanes;
    }

    // Constants

    String floatShuffle(int[] lane) {
        return constant("SHUFFLE", "VectorShuffle<Float>", "VectorShuffle.fromValues(F, " + list(lane) + ")");
    }

    String intShuffle(IntUnaryOperator lane) {
        return constant("SHUFFLE", "VectorShuffle<Integer>", "VectorShuffle.fromValues(I, " + list(values(lane)) + ")");
    }

    String ints(IntUnaryOperator value) {
        return constant("LANES", "IntVector", "IntVector.fromArray(I, new int[] {" + list(values(value)) + "}, 0)");
    }

    String mask(IntPredicate set) {
        long bits = IntStream.range(0, lanes).filter(set).mapToLong(i -> 1L << i).sum();
        return constant("MASK", "VectorMask<Float>", "VectorMask.fromLong(F, 0x" + Long.toHexString(bits) + ")");
    }

    private int[] values(IntUnaryOperator value) {
        return IntStream.range(0, lanes).map(value).toArray();
    }

    private static String list(int[] values) {
        return Arrays.stream(values).mapToObj(Integer::toString).collect(Collectors.joining(", "));
    }

    private String constant(String kind, String type, String value) {
        String name = constants.get(type + " " + value);
        if (name == null) {
            name = kind + constants.size();
            constants.put(type + " " + value, name);
        }
        return name;
    }

    // Methods

    /** The sources by class name: the kernel, and the same over soft vectors, one row at a time. */
    Map<String, String> sources(Packings packings) {
        Site layout = describe(new Body(), "w", 0, "");
        order = layout.groups.stream().flatMap(g -> g.values().stream()).flatMapToInt(v -> Arrays.stream(v.columns())).toArray();
        sums = layout.terms.stream().flatMap(t -> Arrays.stream(t.sums())).toList();
        constants.clear();
        int groups = layout.groups.size();
        Deal row = deal(groups, ROW, (parts, unroll) -> rows(1, parts, unroll));
        // Several rows are dealt out as one row is, so that its product has the same bits alone and together with others.
        int rows = format.rows();
        Deal several = row;
        for (; rows > 1; rows /= 2) {
            several = together(rows, row);
            if (largest(several.methods) <= ROWS) {
                break;
            }
        }
        if (rows > 1 && several.unroll < row.unroll) {
            row = new Deal(row.parts, several.unroll, rows(1, row.parts, several.unroll));
        }
        Deal tile = deal(groups, TILE, (parts, unroll) -> tile(parts));
        methods.addAll(row.methods);
        if (rows > 1) {
            methods.addAll(several.methods);
        }
        methods.addAll(tile.methods);
        String packing = packings.name(format, lanes, order, sums);
        String name = className(format, lanes);
        return Map.of(name, new ClassText(this, constants, methods, packing, row.parts, rows, tile.parts).text(),
                "Soft" + name, new ClassText(this, constants, both(row.methods, tile.methods), packing, row.parts, 1, tile.parts).soft());
    }

    private static List<String> both(List<String> a, List<String> b) {
        List<String> all = new ArrayList<>(a);
        all.addAll(b);
        return all;
    }

    private interface Dealer {
        List<String> deal(int parts, int unroll);
    }

    private record Deal(int parts, int unroll, List<String> methods) {}

    /** The methods in as few parts as the limit allows, if need be without unrolling. */
    private Deal deal(int groups, int limit, Dealer dealer) {
        Deal deal = new Deal(1, format.unroll(), dealer.deal(1, format.unroll()));
        while (largest(deal.methods) > limit && (deal.unroll > 1 || deal.parts < groups)) {
            int parts = deal.unroll > 1 ? 1 : Math.min(groups, 2 * deal.parts);
            deal = new Deal(parts, 1, dealer.deal(parts, 1));
        }
        if (largest(deal.methods) > ROW) {
            throw new IllegalStateException("a method of " + format.type() + " is too long: make smaller groups");
        }
        return deal;
    }

    private Deal together(int rows, Deal row) {
        Deal deal = new Deal(row.parts, row.unroll, rows(rows, row.parts, row.unroll));
        return largest(deal.methods) <= ROWS || row.unroll == 1 ? deal : new Deal(row.parts, 1, rows(rows, row.parts, 1));
    }

    private static int largest(List<String> texts) {
        return texts.stream().mapToInt(Bytecodes::estimate).max().orElseThrow();
    }

    private Site describe(Body body, String address, int block, String suffix) {
        Site site = new Site(this, body, address, block * format.bytes(), suffix);
        format.block().accept(site);
        return site;
    }

    private int stride() {
        return 4 * (format.weights() + sums.size());
    }

    private List<String> rows(int rows, int parts, int unroll) {
        List<String> texts = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            Text text = new Text();
            String name = (rows == 1 ? "row" : "rows") + (parts == 1 ? "" : "" + part);
            boolean one = rows == 1;
            text.line(1, "private static void " + name + (one
                    ? "(long weights, long step, int count, int blocks, long activations, long sums) {"
                    : "(long w0, long step, int blocks, long x, long sums, long sumsStep) {"));
            one(text);
            int depth = one ? 3 : 2;
            if (one) {
                // One method for many rows: a call for each would cost a quarter of a row of 256.
                text.line(2, "long to = sums;");
                text.line(2, "for (int row = 0; row < count; row++) {");
                text.line(3, "long w0 = weights + row * step;");
                text.line(3, "long x = activations;");
            }
            for (int r = 1; r < rows; r++) {
                text.line(depth, "long w" + r + " = w" + (r - 1) + " + step;");
            }
            for (int r = 0; r < rows; r++) {
                text.line(depth, "FloatVector a" + r + " = FloatVector.zero(F);");
                text.line(depth, "FloatVector b" + r + " = FloatVector.zero(F);");
            }
            text.line(depth, "int n = blocks;");
            if (unroll > 1) {
                loop(text, depth, rows, part, parts, unroll);
            }
            loop(text, depth, rows, part, parts, 1);
            for (int r = 0; r < rows; r++) {
                String to = one ? "to" : r == 0 ? "sums" : r == 1 ? "sums + sumsStep" : "sums + " + r + " * sumsStep";
                String sum = "a" + r + ".add(b" + r + ")";
                text.line(depth, (part == 0 ? sum : "FloatVector.fromMemorySegment(F, ALL, " + to + ", NATIVE).add(" + sum + ")")
                        + ".intoMemorySegment(ALL, " + to + ", NATIVE);");
            }
            if (one) {
                text.line(3, "to += LaneSums.STEP;");
                text.line(2, "}");
            }
            text.line(1, "}");
            texts.add(withConstants(text.toString()));
        }
        return texts;
    }

    /**
     * Declares, at the head of a method, the vectors {@code int_1f}, {@code byte_f} ... (in hexadecimal) that it names. An operation
     * between a vector and a number would do, but C2 needs far more nodes for it, and there is a limit on nodes. They are loaded, as
     * C2 makes a vector that is broadcast anew wherever it is used.
     */
    private String withConstants(String method) {
        Text declarations = new Text();
        CONSTANT.matcher(method).results().map(MatchResult::group).distinct().sorted().forEach(name -> {
            int bits = Integer.parseUnsignedInt(name.substring(name.indexOf('_') + 1), 16);
            boolean bytes = name.charAt(0) == 'b';
            String type = bytes ? "ByteVector" : name.charAt(0) == 'i' ? "IntVector" : "FloatVector";
            String species = bytes ? "B16" : name.charAt(0) == 'i' ? "I" : "F";
            String address = constant("BITS", "long", "repeated(0x" + Integer.toHexString(bytes ? bits * 0x01010101 : bits) + ")");
            declarations.line(2, type + " " + name + " = " + type + ".fromMemorySegment(" + species + ", ALL, " + address + ", NATIVE);");
        });
        int body = method.indexOf('\n') + 1;
        return method.substring(0, body) + declarations + method.substring(body);
    }

    private void one(Text text) {
        if (!format.counted()) {
            text.line(2, "int one = Uncounted.one;");
        }
    }

    private void loop(Text text, int depth, int rows, int part, int parts, int unroll) {
        String step = format.counted() ? "" + unroll : unroll == 1 ? "one" : unroll + " * one";
        text.line(depth, "for (; n >= " + unroll + "; n -= " + step + ") {");
        Body body = new Body();
        for (int u = 0; u < unroll; u++) {
            Site[] sites = new Site[rows];
            for (int r = 0; r < rows; r++) {
                sites[r] = describe(body, "w" + r, u, "_" + u + r);
            }
            if (part == 0) {
                terms(body, sites, u);
            }
            int all = sites[0].groups.size();
            for (int g = all * part / parts; g < all * (part + 1) / parts; g++) {
                group(body, sites, u, g);
            }
        }
        body.lines().forEach(line -> text.line(depth + 1, line));
        for (int r = 0; r < rows; r++) {
            text.line(depth + 1, "w" + r + " += " + unroll * format.bytes() + ";");
        }
        text.line(depth + 1, "x += " + unroll * stride() + ";");
        text.line(depth, "}");
    }

    private String activations(Body body, String name, int block, int place) {
        int at = block * stride() + 4 * place;
        return body.define("FloatVector", name, "FloatVector.fromMemorySegment(F, ALL, x" + (at == 0 ? "" : " + " + at) + ", NATIVE)");
    }

    private void terms(Body body, Site[] sites, int u) {
        for (int t = 0; t < sites[0].terms.size(); t++) {
            String sum = activations(body, "y" + t + "_" + u, u, format.weights() + lanes * t);
            for (int r = 0; r < sites.length; r++) {
                body.add("b" + r + " = " + sites[r].terms.get(t).vector() + ".fma(" + sum + ", b" + r + ");");
            }
        }
    }

    /** The weights of a group times their activations, then times the scale. */
    private void group(Body body, Site[] sites, int u, int g) {
        Site.Group shape = sites[0].groups.get(g);
        int count = shape.values().size();
        int place = sites[0].groups.subList(0, g).stream().mapToInt(group -> group.values().size()).sum();
        String[] x = new String[count];
        for (int v = 0; v < count; v++) {
            x[v] = activations(body, "x" + (place + v) + "_" + u, u, lanes * (place + v));
        }
        boolean termed = !sites[0].terms.isEmpty();
        String id = g + "_" + u;
        String sum = null;
        if (!termed && (shape.zero() != 0 || shape.offset() != null)) {
            String added = x[0] + IntStream.range(1, count).mapToObj(v -> ".add(" + x[v] + ")").collect(Collectors.joining());
            sum = body.define("FloatVector", "z" + id, added + (shape.offset() == null ? ".mul(" + sites[0].lessZero(shape.zero(), shape.values().getFirst().bits()) + "f)" : ""));
        }
        for (int v = 0; v < count; v++) {
            for (int r = 0; r < sites.length; r++) {
                Site.Group group = sites[r].groups.get(g);
                String t = "dot" + id + r;
                String value = format.fractions() ? group.values().get(v).fraction() : group.values().get(v).exact(0);
                String acc = (g + u) % 2 == 0 ? "a" + r : "b" + r;
                if (group.scale() == null) {
                    body.add(acc + " = " + value + ".fma(" + x[v] + ", " + acc + ");");
                } else if (v > 0) {
                    body.add(t + " = " + value + ".fma(" + x[v] + ", " + t + ");");
                } else if (sum != null && group.offset() == null) {
                    body.add("FloatVector " + t + " = " + value + ".fma(" + x[v] + ", " + sum + ");");
                } else {
                    body.add("FloatVector " + t + " = " + value + ".mul(" + x[v] + ");");
                }
            }
        }
        for (int r = 0; r < sites.length; r++) {
            Site.Group group = sites[r].groups.get(g);
            String acc = (g + u) % 2 == 0 ? "a" + r : "b" + r;
            if (group.scale() != null) {
                body.add(acc + " = dot" + id + r + ".fma(" + group.scale() + ", " + acc + ");");
            }
            if (!termed && group.offset() != null) {
                body.add(acc + " = " + sum + ".fma(" + group.offset() + ", " + acc + ");");
            }
        }
    }

    private List<String> tile(int parts) {
        List<String> texts = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            Text text = new Text();
            text.line(1, "private static void tile" + (parts == 1 ? "" : "" + part) + "(long w, int blocks, float[] tile, int at) {");
            text.line(2, "int t = at;");
            one(text);
            text.line(2, "for (int n = blocks; n > 0; n -= " + (format.counted() ? "1" : "one") + ") {");
            Body body = new Body();
            Site site = describe(body, "w", 0, "");
            int all = site.groups.size();
            int place = 0;
            for (int g = 0; g < all; g++) {
                Site.Group group = site.groups.get(g);
                boolean mine = g >= all * part / parts && g < all * (part + 1) / parts;
                for (Site.Values values : group.values()) {
                    if (mine) {
                        String value = format.fractions() ? values.exactFraction(group.zero()) : values.exact(group.zero());
                        String scaled = group.scale() == null ? value
                                : group.offset() == null ? value + ".mul(" + group.scale() + ")"
                                        : value + ".fma(" + group.scale() + ", " + group.offset() + ")";
                        body.add(scaled + ".intoArray(tile, t" + (place == 0 ? "" : " + " + place) + ");");
                    }
                    place += lanes;
                }
            }
            body.lines().forEach(line -> text.line(3, line));
            text.line(3, "w += " + format.bytes() + ";");
            text.line(3, "t += " + format.weights() + ";");
            text.line(2, "}");
            text.line(1, "}");
            texts.add(withConstants(text.toString()));
        }
        return texts;
    }
}
