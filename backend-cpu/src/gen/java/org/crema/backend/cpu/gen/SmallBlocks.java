package org.crema.backend.cpu.gen;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.quant.QuantType;

/**
 * The types with one scale per small block, and the 4-bit types with a table of levels. Bytes are spread to 32-bit lanes as they are
 * loaded, so the weights of a vector are neighbours and activations stay in order:
 *
 * <pre>
 *   lane      0    1    2        15
 *   low     | q0 | q1 | q2 | ... | q15 |   and 15:   weights 0 ... 15
 *   high                                    shift 4:  weights 16 ... 31
 * </pre>
 */
final class SmallBlocks {
    private SmallBlocks() {}

    static List<Format> formats() {
        List<Format> formats = new ArrayList<>();
        formats.add(Format.small(QuantType.Q4_0, 2, SmallBlocks::q40));
        formats.add(Format.small(QuantType.Q4_1, 2, s -> nibbles(s, 4, s.uniform("dv", s.half(0)), s.uniform("mv", s.half(2)), 0, 0)));
        formats.add(Format.small(QuantType.Q5_0, 2, s -> nibbles(s, 6, s.uniform("dv", s.half(0)), null, 16, 2)));
        formats.add(Format.small(QuantType.Q5_1, 2, s -> nibbles(s, 8, s.uniform("dv", s.half(0)), s.uniform("mv", s.half(2)), 0, 4)));
        formats.add(Format.small(QuantType.Q8_0, 4, s -> bytes(s, s.uniform("dv", s.half(0)), 2, 32)));
        formats.add(Format.large(QuantType.Q8_K, s -> bytes(s, s.uniform("dv", "ALL.get(F32_LE, " + s.at(0) + ")"), 4, 256)));
        formats.add(Format.small(QuantType.IQ4_NL, 2, s -> levels(s, 2, 0, "IQ4NL", s.uniform("dv", s.half(0)))));
        formats.add(Format.small(QuantType.MXFP4, 2,
                s -> levels(s, 1, 0, "MXFP4", s.uniform("dv", "E8M0[" + s.i8(0) + " & 255]"))));
        formats.add(Format.large(QuantType.IQ4_XS, SmallBlocks::iq4xs));
        formats.add(Format.small(QuantType.NVFP4, 2, SmallBlocks::nvfp4));
        formats.add(Format.small(QuantType.Q1_0, 2, SmallBlocks::q10));
        formats.add(Format.small(QuantType.Q2_0, 2, SmallBlocks::q20));
        formats.add(Format.large(QuantType.TQ1_0, SmallBlocks::tq10));
        return formats;
    }

    private static void q40(Site s) {
        String d = s.uniform("dv", s.half(0));
        if (s.lanes == 16) {
            levels(s, 2, 0, "Q40", d);
        } else {
            nibbles(s, 2, d, null, 8, 0);
        }
    }

    /** @param fifth offset of the fifth bits, 0 if there are none; bit i belongs to weight i */
    private static void nibbles(Site s, int offset, String scale, String minimum, int zero, int fifth) {
        int parts = 16 / s.lanes;
        String[] q = new String[parts];
        for (int p = 0; p < parts; p++) {
            q[p] = s.spread("q" + p, offset, p, "ZERO_EXTEND_B2I");
        }
        String[] bits = new String[2];
        // Sixteen lanes come with mask registers: the bits are the mask of what gets bit 4; or, of what is without it gets all bits from
        // 4 on, which takes 16 away.
        boolean masks = s.lanes == 16;
        boolean less = masks && fifth != 0 && zero == 16;
        if (fifth != 0 && masks) {
            String h = s.define("int", "h", (less ? "~" : "") + s.i32(fifth));
            bits[0] = s.define("VectorMask<Integer>", "hl", "VectorMask.fromLong(I, " + h + " & 0xffff)");
            bits[1] = s.define("VectorMask<Integer>", "hh", "VectorMask.fromLong(I, " + h + " >>> 16)");
        } else if (fifth != 0) {
            String h = s.define("int", "h", s.i32(fifth));
            // bit i comes to bit 4 by a right shift of i, or of i - 4 in the upper half
            bits[0] = s.define("IntVector", "hl", "IntVector.broadcast(I, " + h + " << 4)");
            bits[1] = s.define("IntVector", "hh", "IntVector.broadcast(I, " + h + ")");
        }
        Site.Group group = null;
        for (int half = 0; half < 2; half++) {
            // narrow vectors make long blocks, which can be dealt out by groups
            group = half == 0 || s.lanes == 4 ? s.group(scale, minimum, less ? 0 : zero) : group;
            for (int p = 0; p < parts; p++) {
                int first = 16 * half + s.lanes * p;
                int down = half == 0 ? first : first - 4;
                String low = Site.shift(q[p], 4 * half) + (half == 0 ? ".and(int_f)" : "");
                String ints = fifth == 0 ? low
                        : masks ? low + ".lanewise(OR, " + (less ? "int_fffffff0" : "int_10") + ", " + bits[half] + ")" : low + ".or(" + bits[half] + ".lanewise(LSHR, " + s.kernel.ints(i -> down + i) + ").and(int_10))";
                group.ints(ints, s.columns(i -> first + i));
            }
        }
    }

    private static void bytes(Site s, String scale, int offset, int weights) {
        int perGroup = Math.min(4, 32 / s.lanes);
        Site.Group group = null;
        for (int p = 0; p < weights / s.lanes; p++) {
            int first = s.lanes * p;
            group = p % perGroup == 0 ? s.group(scale) : group;
            group.floats(s.spread("q" + p, offset, p, "B2F"), s.columns(i -> first + i));
        }
    }

    /** Sixteen bytes of nibbles that index a table of 16 levels; low nibbles are weights {@code column} and following. */
    private static void levels(Site s, int offset, int column, String table, String scale) {
        Site.Group group = s.group(scale);
        lookup(s, "", offset, table, half -> group, (half, lane) -> column + 16 * half + lane);
    }

    private interface Groups {
        Site.Group of(int half);
    }

    private interface Places {
        int column(int half, int lane);
    }

    private static void lookup(Site s, String name, int offset, String table, Groups groups, Places places) {
        if (s.lanes == 16) {
            // the sixteen levels are the sixteen lanes of a vector; selectFrom looks at the low four bits of its indices
            String q = s.spread("q" + name, offset, 0, "ZERO_EXTEND_B2I");
            for (int h = 0; h < 2; h++) {
                int half = h;
                groups.of(h).floats(Site.shift(q, 4 * h) + ".selectFrom(" + table + "_LANES).reinterpretAsFloats()",
                        s.columns(i -> places.column(half, i)));
            }
            return;
        }
        String q = s.bytes16("q" + name, offset);
        for (int h = 0; h < 2; h++) {
            int half = h;
            String index = h == 0 ? q : s.define("ByteVector", "i" + name, q + ".reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes()");
            String level = s.define("ByteVector", "v" + name + h, index + ".and(byte_f).selectFrom(" + table + "_BYTES)");
            for (int p = 0; p < 16 / s.lanes; p++) {
                int first = s.lanes * p;
                groups.of(h).floats("((FloatVector) " + level + ".convertShape(B2F, F, " + p + "))",
                        s.columns(i -> places.column(half, first + i)));
            }
        }
    }

    /** Scales: the low four bits are the nibbles of 4 bytes, the upper two those of a u16; both are spread to bytes. */
    private static void iq4xs(Site s) {
        s.define("long", "a", s.i32(4) + " & 0xffffffffL");
        s.define("long", "b", "(" + s.name("a") + " | " + s.name("a") + " << 16) & 0x0000ffff0000ffffL");
        s.define("long", "c", "(" + s.name("b") + " | " + s.name("b") + " << 8) & 0x00ff00ff00ff00ffL");
        s.define("long", "low", "(" + s.name("c") + " | " + s.name("c") + " << 4) & 0x0f0f0f0f0f0f0f0fL");
        s.define("long", "e", s.i16(2) + " & 0xffffL");
        s.define("long", "f", "(" + s.name("e") + " | " + s.name("e") + " << 24) & 0x000000ff000000ffL");
        s.define("long", "g", "(" + s.name("f") + " | " + s.name("f") + " << 12) & 0x000f000f000f000fL");
        s.define("long", "high", "(" + s.name("g") + " | " + s.name("g") + " << 6) & 0x0303030303030303L");
        String bytes = s.define("ByteVector", "sc",
                s.bytes16("sb", s.name("low") + " | " + s.name("high") + " << 4", "0L") + ".sub(byte_20)");
        String[] scales = s.floats16("s", bytes, s.define("float", "d", s.half(0)));
        for (int g = 0; g < 8; g++) {
            int group = g;
            levels(s, 8 + 16 * g, 32 * g, g, s.pick("f" + g, scales, i -> group));
        }
    }

    private static void levels(Site s, int offset, int column, int name, String scale) {
        Site.Group group = s.group(scale);
        lookup(s, "" + name, offset, "IQ4NL", half -> group, (half, lane) -> column + 16 * half + lane);
    }

    /** Sixteen bytes hold two groups of 16 weights, 8 bytes each; their scales are one byte each. */
    private static void nvfp4(Site s) {
        for (int t = 0; t < 2; t++) {
            int pair = t;
            String first = s.uniform("a" + t, "UE4M3[" + s.i8(2 * t) + " & 255]");
            String second = s.uniform("b" + t, "UE4M3[" + s.i8(2 * t + 1) + " & 255]");
            if (s.lanes == 16) {
                String both = s.define("FloatVector", "f" + t, first + ".blend(" + second + ", " + s.kernel.mask(i -> i >= 8) + ")");
                Site.Group group = s.group(both);
                lookup(s, "" + t, 4 + 16 * t, "MXFP4", half -> group,
                        (half, lane) -> 32 * pair + 16 * (lane / 8) + 8 * half + lane % 8);
            } else {
                halves(s, t, first, second);
            }
        }
    }

    private static void halves(Site s, int t, String first, String second) {
        String q = s.bytes16("q" + t, 4 + 16 * t);
        String upper = s.define("ByteVector", "i" + t, q + ".reinterpretAsInts().lanewise(LSHR, 4).reinterpretAsBytes()");
        String[] level = new String[2];
        for (int h = 0; h < 2; h++) {
            level[h] = s.define("ByteVector", "v" + t + h, (h == 0 ? q : upper) + ".and(byte_f).selectFrom(MXFP4_BYTES)");
        }
        for (int g = 0; g < 2; g++) {
            Site.Group group = s.group(g == 0 ? first : second);
            for (int h = 0; h < 2; h++) {
                for (int p = 0; p < 8 / s.lanes; p++) {
                    int part = g * (8 / s.lanes) + p;
                    int column = 32 * t + 16 * g + 8 * h + s.lanes * p;
                    group.floats("((FloatVector) " + level[h] + ".convertShape(B2F, F, " + part + "))", s.columns(i -> column + i));
                }
            }
        }
    }

    /** A bit is brought to the sign; the float is 1 with that sign, turned round: a set bit means +1. */
    private static void q10(Site s) {
        String d = s.uniform("dv", s.half(0));
        for (int t = 0; t < 4; t++) {
            String bits = s.define("IntVector", "q" + t, "IntVector.broadcast(I, " + s.i32(2 + 4 * t) + ")");
            Site.Group group = s.group(d);
            for (int p = 0; p < 32 / s.lanes; p++) {
                int first = s.lanes * p;
                int column = 32 * t + first;
                group.floats(bits + ".lanewise(LSHL, " + s.kernel.ints(i -> 31 - first - i)
                        + ").and(int_80000000).lanewise(XOR, int_bf800000).reinterpretAsFloats()", s.columns(i -> column + i));
            }
        }
    }

    private static void q20(Site s) {
        String d = s.uniform("dv", s.half(0));
        for (int t = 0; t < 4; t++) {
            String bits = s.define("IntVector", "q" + t, "IntVector.broadcast(I, " + s.i32(2 + 4 * t) + ")");
            Site.Group group = s.group(d, null, 1);
            for (int p = 0; p < 16 / s.lanes; p++) {
                int first = s.lanes * p;
                int column = 16 * t + first;
                group.ints(bits + ".lanewise(LSHR, " + s.kernel.ints(i -> 2 * (first + i)) + ").and(int_3)", s.columns(i -> column + i));
            }
        }
    }

    /**
     * A byte is a fraction of 256 with five base-3 digits: times 3 the digit is what comes above bit 8, and the rest below goes on.
     * The last four bytes hold four digits of four weights each; there lane i takes byte i % 4 and its digit i / 4.
     */
    private static void tq10(Site s) {
        String d = s.uniform("dv", s.half(52));
        int[] power = {1, 3, 9, 27};
        for (int p = 0; p < 48 / s.lanes; p++) {
            String rest = s.spread("r" + p, 0, p, "ZERO_EXTEND_B2I");
            Site.Group group = s.group(d, null, 1);
            int first = s.lanes * p;
            for (int n = 0; n < 5; n++) {
                String three = s.define("IntVector", "t" + p + n, rest + ".add(" + rest + ".lanewise(LSHL, 1))");
                int column = first < 32 ? 32 * n + first : 160 + 16 * n + first - 32;
                group.ints(three + ".lanewise(LSHR, 8)", s.columns(i -> column + i));
                rest = n == 4 ? null : s.define("IntVector", "r" + p + "_" + n, three + ".and(int_ff)");
            }
        }
        String last = s.define("IntVector", "last", "IntVector.broadcast(I, " + s.i32(48) + ")");
        for (int p = 0; p < 16 / s.lanes; p++) {
            int first = s.lanes * p;
            String rest = s.define("IntVector", "l" + p, last + ".lanewise(LSHR, " + s.kernel.ints(i -> 8 * (i % 4))
                    + ").and(int_ff).mul(" + s.kernel.ints(i -> power[(first + i) / 4]) + ").and(int_ff)");
            s.group(d, null, 1).ints(rest + ".add(" + rest + ".lanewise(LSHL, 1)).lanewise(LSHR, 8)", s.columns(i -> 240 + first + i));
        }
    }
}
