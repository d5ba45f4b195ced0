package org.crema.backend.cpu.gen;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.quant.QuantType;

/**
 * The I-quants with code books: an index gives eight weights at once (or twice four), a sign mask turns some of them round. The
 * tables hold the points as floats or signed bytes, chosen so that they stay in the first-level cache; signs are eight 32-bit masks
 * for the sign bits. Scalar units compute the indices while vector units multiply.
 */
final class Grids {
    private Grids() {}

    static List<Format> formats() {
        List<Format> formats = new ArrayList<>();
        formats.add(Format.grid(QuantType.IQ2_XXS, Grids::iq2xxs));
        formats.add(Format.grid(QuantType.IQ2_XS, Grids::iq2xs));
        formats.add(Format.grid(QuantType.IQ2_S, Grids::iq2s));
        formats.add(Format.grid(QuantType.IQ3_XXS, Grids::iq3xxs));
        formats.add(Format.grid(QuantType.IQ3_S, Grids::iq3s));
        formats.add(Format.grid(QuantType.IQ1_S, Grids::iq1s));
        formats.add(Format.grid(QuantType.IQ1_M, Grids::iq1m));
        return formats;
    }

    /** The eight weights of a point: grid values with the signs of a mask. {@code grid} yields the values of part p. */
    private static void signed(Site s, Site.Group group, String[] grid, String table, String signs, int column) {
        for (int p = 0; p < 8 / s.lanes; p++) {
            int first = column + s.lanes * p;
            String mask = "IntVector.fromArray(I, " + table + ", " + signs + (p == 0 ? "" : " + " + 4 * p) + ")";
            group.floats(grid[p] + ".reinterpretAsInts().lanewise(XOR, " + mask + ").reinterpretAsFloats()",
                    s.columns(i -> first + i));
        }
    }

    private static String[] floats(Site s, String table, String index) {
        String[] parts = new String[8 / s.lanes];
        for (int p = 0; p < parts.length; p++) {
            parts[p] = "FloatVector.fromArray(F, " + table + ", " + index + (p == 0 ? "" : " + " + 4 * p) + ")";
        }
        return parts;
    }

    private static String[] bytes(Site s, String bytes) {
        String[] parts = new String[8 / s.lanes];
        for (int p = 0; p < parts.length; p++) {
            parts[p] = "((FloatVector) " + bytes + ".convertShape(B2F, F, " + p + "))";
        }
        return parts;
    }

    /** Two points of four values as one long of eight bytes. */
    private static String[] pair(Site s, String name, String table, String first, String second) {
        String both = s.define("long", name, table + "[" + first + "] & 0xffffffffL | (long) " + table + "[" + second + "] << 32");
        return bytes(s, s.define("ByteVector", name + "v", "LongVector.broadcast(L2, " + both + ").reinterpretAsBytes()"));
    }

    private static String index(Site s, String name, String expression) {
        return s.define("int", name, "(" + expression + ") * 8");
    }

    private static void iq2xxs(Site s) {
        String d = s.define("float", "d", s.half(0) + " * 0.25f");
        for (int g = 0; g < 8; g++) {
            String q = s.define("int", "q" + g, s.i32(2 + 8 * g));
            String a = s.define("int", "a" + g, s.i32(6 + 8 * g));
            Site.Group group = s.group(s.uniform("f" + g, d + " * (0.5f + (" + a + " >>> 28))"));
            for (int l = 0; l < 4; l++) {
                String point = index(s, "p" + g + l, down(q, 8 * l) + (l == 3 ? "" : " & 255"));
                String signs = index(s, "s" + g + l, down(a, 7 * l) + " & 127");
                signed(s, group, floats(s, "IQ2XXS", point), "SIGNS7", signs, 32 * g + 8 * l);
            }
        }
    }

    private static String down(String value, int shift) {
        return shift == 0 ? value : value + " >>> " + shift;
    }

    private static void iq2xs(Site s) {
        String d = s.define("float", "d", s.half(0) + " * 0.25f");
        String sc = s.define("long", "sc", s.i64(66));
        for (int g = 0; g < 8; g++) {
            for (int h = 0; h < 2; h++) {
                String q = s.define("int", "q" + g + h, s.i32(2 + 8 * g + 4 * h));
                Site.Group group = s.group(nibbleScale(s, d, sc, 2 * g + h));
                for (int l = 0; l < 2; l++) {
                    String point = index(s, "p" + g + h + l, down(q, 16 * l) + " & 511");
                    String signs = index(s, "s" + g + h + l, l == 0 ? q + " >>> 9 & 127" : q + " >>> 25");
                    signed(s, group, floats(s, "IQ2XS", point), "SIGNS7", signs, 32 * g + 16 * h + 8 * l);
                }
            }
        }
    }

    private static String nibbleScale(Site s, String d, String sc, int k) {
        return s.uniform("f" + k, d + " * (0.5f + (" + down(sc, 4 * k) + " & 15))");
    }

    private static void iq2s(Site s) {
        String d = s.define("float", "d", s.half(0) + " * 0.25f");
        String sc = s.define("long", "sc", s.i64(74));
        for (int g = 0; g < 8; g++) {
            String q = s.define("int", "q" + g, s.i32(2 + 4 * g));
            String a = s.define("int", "a" + g, s.i32(34 + 4 * g));
            String h = s.define("int", "h" + g, s.i8(66 + g));
            for (int l = 0; l < 4; l++) {
                if (l % 2 == 0) {
                    s.group(nibbleScale(s, d, sc, 2 * g + l / 2));
                }
                String point = index(s, "p" + g + l, down(q, 8 * l) + " & 255 | " + h + " << " + (8 - 2 * l) + " & 0x300");
                String signs = index(s, "s" + g + l, down(a, 8 * l) + (l == 3 ? "" : " & 255"));
                String v = s.define("ByteVector", "v" + g + l, "ByteVector.fromArray(B8, IQ2S, " + point + ")");
                signed(s, s.groups.getLast(), bytes(s, v), "SIGNS8", signs, 32 * g + 8 * l);
            }
        }
    }

    private static void iq3xxs(Site s) {
        String d = s.define("float", "d", s.half(0) + " * 0.5f");
        for (int g = 0; g < 8; g++) {
            String q = s.define("long", "q" + g, s.i64(2 + 8 * g));
            String a = s.define("int", "a" + g, s.i32(66 + 4 * g));
            Site.Group group = s.group(s.uniform("f" + g, d + " * (0.5f + (" + a + " >>> 28))"));
            for (int l = 0; l < 4; l++) {
                String signs = index(s, "s" + g + l, down(a, 7 * l) + " & 127");
                String[] grid = pair(s, "p" + g + l, "IQ3XXS", "(int) (" + down(q, 16 * l) + ") & 255",
                        "(int) (" + q + " >>> " + (16 * l + 8) + ") & 255");
                signed(s, group, grid, "SIGNS7", signs, 32 * g + 8 * l);
            }
        }
    }

    private static void iq3s(Site s) {
        String d = s.define("float", "d", s.half(0));
        String sc = s.define("int", "sc", s.i32(106));
        for (int g = 0; g < 8; g++) {
            String q = s.define("long", "q" + g, s.i64(2 + 8 * g));
            String h = s.define("int", "h" + g, s.i8(66 + g));
            String a = s.define("int", "a" + g, s.i32(74 + 4 * g));
            Site.Group group = s.group(s.uniform("f" + g, d + " * (1 + 2 * (" + down(sc, 4 * g) + " & 15))"));
            for (int l = 0; l < 4; l++) {
                String signs = index(s, "s" + g + l, down(a, 8 * l) + (l == 3 ? "" : " & 255"));
                String[] grid = pair(s, "p" + g + l, "IQ3S",
                        "(int) (" + down(q, 16 * l) + ") & 255 | " + h + " << " + (8 - 2 * l) + " & 256",
                        "(int) (" + q + " >>> " + (16 * l + 8) + ") & 255 | " + h + " << " + (7 - 2 * l) + " & 256");
                signed(s, group, grid, "SIGNS8", signs, 32 * g + 8 * l);
            }
        }
    }

    /** IQ1: the table has the delta in it, eight times the value, at index (sign of delta, upper bits, lower bits). */
    private static void point(Site s, Site.Group group, String name, String index, int column) {
        String v = s.define("ByteVector", "v" + name, "ByteVector.fromArray(B8, IQ1, " + index(s, "p" + name, index) + ")");
        String[] grid = bytes(s, v);
        for (int p = 0; p < 8 / s.lanes; p++) {
            int first = column + s.lanes * p;
            group.floats(grid[p], s.columns(i -> first + i));
        }
    }

    private static void iq1s(Site s) {
        String d = s.define("float", "d", s.half(0) + " * 0.125f");
        for (int g = 0; g < 8; g++) {
            String q = s.define("int", "q" + g, s.i32(2 + 4 * g));
            String h = s.define("int", "h" + g, s.i16(34 + 2 * g));
            String delta = s.define("int", "e" + g, h + " >>> 4 & 0x800");
            Site.Group group = s.group(s.uniform("f" + g, d + " * (2 * (" + h + " >>> 12 & 7) + 1)"));
            for (int l = 0; l < 4; l++) {
                String high = l < 3 ? h + " << " + (8 - 3 * l) : h + " >>> 1";
                point(s, group, "" + g + l, down(q, 8 * l) + " & 255 | " + high + " & 0x700 | " + delta, 32 * g + 8 * l);
            }
        }
    }

    private static void iq1m(Site s) {
        String sc = s.define("long", "sc", s.i64(48));
        String bits = s.define("long", "db", sc + " >>> 12 & 0xf | " + sc + " >>> 24 & 0xf0 | " + sc + " >>> 36 & 0xf00 | " + sc
                + " >>> 48 & 0xf000");
        String d = s.define("float", "d", "Float.float16ToFloat((short) " + bits + ") * 0.125f");
        for (int g = 0; g < 8; g++) {
            String q = s.define("int", "q" + g, s.i32(4 * g));
            String h = s.define("int", "h" + g, s.i16(32 + 2 * g) + " & 0xffff");
            Site.Group group = null;
            for (int l = 0; l < 4; l++) {
                if (l % 2 == 0) {
                    int at = 16 * (g / 2) + 6 * (g % 2) + 3 * (l / 2);
                    group = s.group(s.uniform("f" + g + l, d + " * (2 * (" + down(sc, at) + " & 7) + 1)"));
                }
                String high = l < 2 ? h + " << " + (8 - 4 * l) : l == 2 ? h : h + " >>> 4";
                point(s, group, "" + g + l, down(q, 8 * l) + " & 255 | " + high + " & 0xf00", 32 * g + 8 * l);
            }
        }
    }
}
