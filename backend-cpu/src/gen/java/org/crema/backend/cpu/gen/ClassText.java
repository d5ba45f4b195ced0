package org.crema.backend.cpu.gen;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The frame around the generated methods of a kernel class.
 *
 * @param parts number of methods that the product of one row, or of several, is dealt out to
 * @param rows how many rows are worked on together, 1 if there is no method for that
 * @param tiles the same for the tile
 */
record ClassText(Kernel kernel, Map<String, String> constants, List<String> methods, String packing, int parts, int rows,
        int tiles) {
    private static final List<String> OPERATORS = List.of("ASHR", "B2F", "I2F", "LSHL", "LSHR", "OR", "S2I", "XOR", "ZERO_EXTEND_B2I");

    String text() {
        int lanes = kernel.lanes;
        Format format = kernel.format;
        String name = Kernel.className(format, lanes);
        Text text = new Text();
        text.line(0, "package " + Generate.PACKAGE + ";");
        text.blank();
        for (String operator : OPERATORS) {
            if (uses("(" + operator)) {
                text.line(0, "import static jdk.incubator.vector.VectorOperators." + operator + ";");
            }
        }
        for (String holder : List.of("Memory", "ScaleTables", "Tables", "VectorTables")) {
            text.line(0, "import static org.crema.backend.cpu.kernel." + holder + ".*;");
        }
        text.blank();
        text.line(0, "import javax.annotation.processing.Generated;");
        text.line(0, "import jdk.incubator.vector.*;");
        text.line(0, "import org.crema.kernels.quant.QuantType;");
        text.blank();
        text.line(0, "/** Products of " + format.type() + " with vectors of " + lanes + " floats. */");
        text.line(0, Generate.ANNOTATION);
        text.line(0, "final class " + name + " extends BlockKernel {");
        declarations(text, constants);
        text.blank();
        text.line(1, name + "(Tuning tuning) {");
        text.line(2, "super(QuantType." + format.type() + ", " + packing + ", " + format.weights() + ", " + format.bytes() + ", "
                + lanes + ", " + rows + ", tuning);");
        text.line(1, "}");
        entry(text, "void one(long weights, long step, int count, int blocks, long x, long sums)", "row", parts, "(weights, step, count, blocks, x, sums);");
        if (rows > 1) {
            entry(text, "void several(long weights, long step, int blocks, long x, long sums, long sumsStep)", "rows", parts,
                    "(weights, step, blocks, x, sums, sumsStep);");
        }
        entry(text, "void tileRow(long weights, int blocks, float[] tile, int at)", "tile", tiles, "(weights, blocks, tile, at);");
        for (String method : methods) {
            text.blank();
            text.line(0, method.stripTrailing());
        }
        text.line(0, "}");
        return text.toString();
    }

    /** The same over soft vectors, one row at a time: the same text, of methods that belong to an object with a window of its own. */
    String soft() {
        Format format = kernel.format;
        Text text = new Text();
        text.line(0, "package " + Generate.PACKAGE + ";");
        text.blank();
        for (String operator : OPERATORS) {
            if (uses("(" + operator)) {
                text.line(0, "import static org.crema.backend.cpu.soft.VectorOperators." + operator + ";");
            }
        }
        for (String holder : List.of("Memory", "ScaleTables", "SoftTables", "Tables")) {
            text.line(0, "import static org.crema.backend.cpu.kernel." + holder + ".*;");
        }
        text.blank();
        text.line(0, "import javax.annotation.processing.Generated;");
        text.line(0, "import org.crema.backend.cpu.soft.*;");
        text.blank();
        text.line(0, "/** Products of " + format.type() + " with soft vectors of " + kernel.lanes + " floats. */");
        text.line(0, Generate.ANNOTATION);
        text.line(0, "final class Soft" + Kernel.className(format, kernel.lanes) + " extends SoftKernel {");
        Map<String, String> used = new LinkedHashMap<>(constants);
        used.values().removeIf(constant -> methods.stream().noneMatch(method -> method.matches("(?s).*\\b" + constant + "\\b.*")));
        declarations(text, used);
        text.blank();
        entry(text, "void one(long weights, long step, int count, int blocks, long x, long sums)", "row", parts, "(weights, step, count, blocks, x, sums);");
        entry(text, "void tileRow(long weights, int blocks, float[] tile, int at)", "tile", tiles, "(weights, blocks, tile, at);");
        for (String method : methods) {
            text.blank();
            text.line(0, method.stripTrailing().replaceFirst("private static void", "private void"));
        }
        text.line(0, "}");
        return text.toString();
    }

    private void declarations(Text text, Map<String, String> used) {
        int lanes = kernel.lanes;
        species(text, lanes, used);
        for (String table : List.of("Q40", "IQ4NL", "MXFP4")) {
            if (uses(table + "_LANES")) {
                text.line(1, "private static final IntVector " + table + "_LANES = floatBits(I, " + table + ");");
            }
        }
        used.forEach((value, constant) -> text.line(1,
                "private static final " + value.substring(0, value.indexOf(' ')) + " " + constant + " = "
                        + value.substring(value.indexOf(' ') + 1) + ";"));
    }

    private boolean uses(String code) {
        return methods.stream().anyMatch(method -> method.contains(code));
    }

    private static void entry(Text text, String signature, String method, int parts, String arguments) {
        text.blank();
        text.line(1, "@Override");
        text.line(1, signature + " {");
        IntStream.range(0, parts).forEach(p -> text.line(2, method + (parts == 1 ? "" : "" + p) + arguments));
        text.line(1, "}");
    }

    private void species(Text text, int lanes, Map<String, String> used) {
        String body = String.join("", methods) + String.join("", used.keySet()) + (uses("_LANES") ? "I" : "");
        String[][] species = {{"F", "Float", "FloatVector", "" + 32 * lanes}, {"I", "Integer", "IntVector", "" + 32 * lanes},
                {"S", "Short", "ShortVector", "" + 16 * lanes}, {"B16", "Byte", "ByteVector", "128"}, {"B8", "Byte", "ByteVector", "64"},
                {"L2", "Long", "LongVector", "128"}};
        for (String[] s : species) {
            if (body.matches("(?s).*\\b" + s[0] + "\\b.*")) {
                text.line(1, "private static final VectorSpecies<" + s[1] + "> " + s[0] + " = " + s[2] + ".SPECIES_" + s[3] + ";");
            }
        }
    }
}
