package org.crema.backend.cpu.gen;

/**
 * Writes the register-blocked inner products of prefill: some rows of a dequantised tile times a panel of tokens, one local variable
 * per accumulator. The shapes use the registers there are: 32 with 16 lanes (AVX-512) and with 4 (NEON), 16 with 8 lanes (AVX2).
 */
final class MicroKernels {
    private MicroKernels() {}

    /** Rows for a panel of 1, 2, ... vectors; multiples of two and three that divide the tile's rows. */
    static int[] rows(int lanes) {
        return lanes == 8 ? new int[] {8, 6} : new int[] {12, 12, 8, 6};
    }

    static String source(int lanes) {
        int[] rows = rows(lanes);
        Text text = new Text();
        text.line(0, "package " + Generate.PACKAGE + ";");
        text.blank();
        text.line(0, "import static org.crema.backend.cpu.kernel.Memory.*;");
        text.blank();
        text.line(0, "import javax.annotation.processing.Generated;");
        text.line(0, "import jdk.incubator.vector.*;");
        text.blank();
        text.line(0, "/** Tile rows times panels with vectors of " + lanes + " floats. */");
        text.line(0, Generate.ANNOTATION);
        text.line(0, "final class MicroKernels" + lanes + " implements MicroKernels {");
        text.line(1, "private static final VectorSpecies<Float> F = FloatVector.SPECIES_" + 32 * lanes + ";");
        text.blank();
        text.line(1, "@Override");
        text.line(1, "public int rows(int vectors) {");
        text.line(2, "return switch (vectors) {");
        for (int v = 1; v <= rows.length; v++) {
            text.line(3, "case " + v + " -> " + rows[v - 1] + ";");
        }
        text.line(3, "default -> throw new IllegalArgumentException(\"no shape for \" + vectors + \" vectors\");");
        text.line(2, "};");
        text.line(1, "}");
        text.blank();
        text.line(1, "@Override");
        text.line(1, "public void run(int vectors, float[] w, int w0, long x, float[] c, int c0, int columns) {");
        text.line(2, "switch (vectors) {");
        for (int v = 1; v <= rows.length; v++) {
            text.line(3, "case " + v + " -> run" + rows[v - 1] + "x" + v + "(w, w0, x, c, c0, columns);");
        }
        text.line(3, "default -> throw new IllegalArgumentException(\"no shape for \" + vectors + \" vectors\");");
        text.line(2, "}");
        text.line(1, "}");
        for (int v = 1; v <= rows.length; v++) {
            text.blank();
            method(text, lanes, rows[v - 1], v);
        }
        text.line(0, "}");
        return text.toString();
    }

    private static void method(Text text, int lanes, int rows, int vectors) {
        text.line(1, "private static void run" + rows + "x" + vectors + "(float[] w, int w0, long x, float[] c, int c0, int columns) {");
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                text.line(2, "FloatVector a" + r + "_" + v + " = FloatVector.fromArray(F, c, "
                        + plus("c0", lanes * (r * vectors + v)) + ");");
            }
        }
        text.line(2, "int wi = w0;");
        text.line(2, "for (int k = 0; k < columns; k++) {");
        for (int v = 0; v < vectors; v++) {
            text.line(3, "FloatVector x" + v + " = FloatVector.fromMemorySegment(F, ALL, " + plus("x", 4 * lanes * v) + ", NATIVE);");
        }
        for (int r = 0; r < rows; r++) {
            text.line(3, "FloatVector b" + r + " = FloatVector.broadcast(F, w[" + plus("wi", 256 * r) + "]);");
            for (int v = 0; v < vectors; v++) {
                String a = "a" + r + "_" + v;
                text.line(3, a + " = b" + r + ".fma(x" + v + ", " + a + ");");
            }
        }
        text.line(3, "x += " + 4 * lanes * vectors + ";");
        text.line(3, "wi++;");
        text.line(2, "}");
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                text.line(2, "a" + r + "_" + v + ".intoArray(c, " + plus("c0", lanes * (r * vectors + v)) + ");");
            }
        }
        text.line(1, "}");
    }

    private static String plus(String base, int offset) {
        return offset == 0 ? base : base + " + " + offset;
    }
}
