package org.crema.backend.cpu.gen;

import static org.crema.backend.cpu.gen.Site.masked;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.quant.QuantType;

/**
 * The types with blocks of 256 whose fields are taken from 32-bit lanes. Lane i of a vector holds bytes 4i to 4i+3; byte k of all
 * lanes comes down by a shift of 8k, so the weights of one vector of floats lie four bytes apart:
 *
 * <pre>
 *   lane      0                 1                       15
 *   bytes   | 0  1  2  3  |  4  5  6  7  | ... | 60 61 62 63 |
 *   vectors   a  b  c  d     a  b  c  d          a  b  c  d      a: no shift, b: 8, c: 16, d: 24; high nibbles 4 more
 * </pre>
 */
final class KQuants {
    private KQuants() {}

    static List<Format> formats() {
        List<Format> formats = new ArrayList<>();
        formats.add(Format.large(QuantType.Q2_K, KQuants::q2k));
        formats.add(Format.large(QuantType.Q3_K, KQuants::q3k));
        formats.add(Format.large(QuantType.Q4_K, s -> q45k(s, 0, 16)));
        formats.add(Format.large(QuantType.Q5_K, s -> q45k(s, 16, 48)));
        formats.add(Format.large(QuantType.Q6_K, KQuants::q6k));
        formats.add(Format.large(QuantType.TQ2_0, KQuants::tq20));
        formats.replaceAll(Format::asFractions);
        return formats;
    }

    /**
     * Q4_K and Q5_K. The 12 bytes of 6-bit scales and minima become four groups of four bytes: scales 0-3, minima 0-3, scales 4-7,
     * minima 4-7. The scales are multiplied by d, the minima by -dmin.
     *
     * @param qh offset of the fifth bits, 0 if there are none
     */
    private static void q45k(Site s, int qh, int ql) {
        int lanes = s.lanes;
        int bits = qh == 0 ? 4 : 5;
        s.define("float", "d", s.half(0) + times(s.unit(bits)));
        s.define("float", "m", s.half(2));
        s.define("long", "p", s.i64(4));
        s.define("long", "r", s.i32(12) + " & 0xffffffffL");
        s.define("long", "lo", s.name("p") + " & 0x3f3f3f3f3f3f3f3fL");
        s.define("long", "hi", "(" + s.name("r") + " | " + s.name("r") + " << 28) & 0x0f0f0f0f0f0f0f0fL | " + s.name("p")
                + " >>> 2 & 0x3030303030303030L");
        String bytes = s.bytes16("sb", s.name("lo"), s.name("hi"));
        String[] scales = new String[16 / lanes];
        String d = s.name("d");
        String m = "-" + s.name("m");
        if (lanes > 4) {
            s.define("FloatVector", "dm", Site.broadcast(d) + ".blend(" + Site.broadcast(m) + ", " + s.kernel.mask(i -> i / 4 % 2 == 1)
                    + ")");
        }
        for (int p = 0; p < scales.length; p++) {
            String factor = lanes > 4 ? s.name("dm") : p % 2 == 0 ? d : m;
            scales[p] = s.define("FloatVector", "s" + p,
                    "((FloatVector) " + bytes + ".convertShape(B2F, F, " + p + ")).mul(" + factor + ")");
            int first = lanes * p;
            if (lanes > 4 || s.fractions || p % 2 == 1) {
                s.term(scales[p], i -> {
                    int entry = first + i;
                    boolean minimum = entry / 4 % 2 == 1;
                    return new Site.Sum(32 * (entry / 8 * 4 + entry % 4), 32, minimum ? 1 : s.lessZero(0, bits));
                });
            }
        }
        String[] high = qh == 0 ? null : highBits(s, qh, 1, 2);
        for (int v = 0; v < 32 / lanes; v++) {
            int first = 4 * lanes * v;
            String q = s.intVector("q" + v, ql + first);
            for (int h = 0; h < 2; h++) {
                int nibble = h;
                String source = q;
                if (qh != 0) {
                    int bit = first / 32 * 2 + h;
                    source = s.define("IntVector", "e" + v + h, masked(q, 4 * h, 0x0f) + ".or("
                            + masked(high[v % high.length], bit - 4, 0x10) + ")");
                }
                String scale = s.pick("f" + v + h, scales, i -> entry((first + 4 * i) / 32 * 2 + nibble));
                String minimum = s.pick("n" + v + h, scales, i -> entry((first + 4 * i) / 32 * 2 + nibble) + 4);
                Site.Group group = s.group(scale, minimum, 0);
                for (int k = 0; k < 4; k++) {
                    int at = k;
                    group.field(source, qh == 0 ? 8 * k + 4 * h : 8 * k, bits,
                            s.columns(i -> (first + 4 * i) / 32 * 64 + 32 * nibble + (first + 4 * i) % 32 + at));
                }
            }
        }
    }

    private static int entry(int group) {
        return group / 4 * 8 + group % 4;
    }

    /**
     * Bits that stand in 32 bytes for every 32 bytes of low bits. With 16 lanes a vector of low bits is 64 bytes, two runs of 32: the
     * bytes are there twice, the second time {@code step} bits further down, so both halves have their bits at the same place.
     */
    private static String[] highBits(Site s, int offset, int loads, int step) {
        int lanes = s.lanes;
        if (lanes < 16) {
            String[] names = new String[loads * 8 / lanes];
            for (int i = 0; i < names.length; i++) {
                names[i] = s.intVector("h" + i, offset + 4 * lanes * i);
            }
            return names;
        }
        String both = s.intVector("h", offset);
        String[] names = new String[loads];
        for (int n = 0; n < loads; n++) {
            int from = 8 * n;
            names[n] = s.define("IntVector", "h" + n, both + ".rearrange(" + s.kernel.intShuffle(i -> from + i % 8) + ").lanewise(LSHR, "
                    + s.kernel.ints(i -> i / 8 * step) + ")");
        }
        return names;
    }

    private static void q6k(Site s) {
        int lanes = s.lanes;
        String[] scales = s.floats16("s", s.bytes16("sb", 192), s.define("float", "d", s.half(208) + times(s.unit(6))));
        for (int p = 0; p < scales.length; p++) {
            int first = lanes * p;
            s.term(scales[p], i -> new Site.Sum(16 * (first + i), 16, s.lessZero(32, 6)));
        }
        String[] high = highBits(s, 128, 2, 2);
        for (int v = 0; v < 32 / lanes; v++) {
            int first = 4 * lanes * v;
            int half = first / 64;
            int bit = first % 64 / 32 * 2;
            String h = high[lanes == 16 ? half : half * (8 / lanes) + v % (8 / lanes)];
            String q = s.intVector("q" + v, first);
            for (int n = 0; n < 2; n++) {
                int nibble = n;
                String e = s.define("IntVector", "e" + v + n,
                        masked(q, 4 * n, 0x0f) + ".or(" + masked(h, bit + 4 * n - 4, 0x30) + ")");
                int[] start = s.columns(i -> half * 128 + (first + 4 * i) % 64 / 32 * 32 + nibble * 64 + (first + 4 * i) % 32);
                Site.Group group = s.group(s.pick("f" + v + n, scales, i -> start[i] / 16), null, 32);
                for (int k = 0; k < 4; k++) {
                    int at = k;
                    group.field(e, 8 * k, 6, s.columns(i -> start[i] + at));
                }
            }
        }
    }

    private static void q2k(Site s) {
        int lanes = s.lanes;
        String sb = s.bytes16("sb", 0);
        String[] scales = s.floats16("s", s.define("ByteVector", "sl", sb + ".and(byte_f)"), s.define("float", "d", s.half(80) + times(s.unit(2))));
        String[] minima = s.floats16("m", s.define("ByteVector", "sh", sb + ".reinterpretAsInts().lanewise(LSHR, 4)"
                + ".reinterpretAsBytes().and(byte_f)"), s.define("float", "dm", "-" + s.half(82)));
        for (int p = 0; p < minima.length; p++) {
            int first = lanes * p;
            s.term(minima[p], i -> new Site.Sum(16 * (first + i), 16, 1));
            if (s.fractions) {
                s.term(scales[p], i -> new Site.Sum(16 * (first + i), 16, s.lessZero(0, 2)));
            }
        }
        for (int v = 0; v < 16 / lanes; v++) {
            String q = s.intVector("q" + v, 16 + 4 * lanes * v);
            for (int j = 0; j < 4; j++) {
                int[] start = crumbs(s, v, j);
                Site.Group group = s.group(s.pick("f" + v + j, scales, i -> start[i] / 16), s.pick("n" + v + j, minima, i -> start[i] / 16),
                        0);
                for (int k = 0; k < 4; k++) {
                    int at = k;
                    group.field(q, 8 * k + 2 * j, 2, s.columns(i -> start[i] + at));
                }
            }
        }
    }

    /** Columns of the lowest bytes of the lanes of vector v: bits 2j of byte 32n + l are weight 128n + 32j + l. */
    private static int[] crumbs(Site s, int v, int j) {
        return s.columns(i -> {
            int at = 4 * s.lanes * v + 4 * i;
            return at / 32 * 128 + 32 * j + at % 32;
        });
    }

    private static void q3k(Site s) {
        int lanes = s.lanes;
        s.define("long", "p", s.i64(96));
        s.define("long", "r", s.i32(104) + " & 0xffffffffL");
        s.define("long", "u", s.name("r") + " | " + s.name("r") + " << 30");
        s.define("long", "lo", s.name("p") + " & 0x0f0f0f0f0f0f0f0fL | (" + s.name("u") + " & 0x0303030303030303L) << 4");
        s.define("long", "hi", s.name("p") + " >>> 4 & 0x0f0f0f0f0f0f0f0fL | " + s.name("u") + " & 0x3030303030303030L");
        String bytes = s.define("ByteVector", "sc", s.bytes16("sb", s.name("lo"), s.name("hi")) + ".sub(byte_20)");
        String[] scales = s.floats16("s", bytes, s.define("float", "d", s.half(108) + times(s.unit(3))));
        for (int p = 0; p < scales.length; p++) {
            int first = lanes * p;
            s.term(scales[p], i -> new Site.Sum(16 * (first + i), 16, s.lessZero(4, 3)));
        }
        String[] high = highBits(s, 0, 1, 4);
        for (int v = 0; v < 16 / lanes; v++) {
            String q = s.intVector("q" + v, 32 + 4 * lanes * v);
            int bit = lanes == 16 ? 0 : 4 * lanes * v / 32 * 4;
            for (int j = 0; j < 4; j++) {
                int[] start = crumbs(s, v, j);
                String e = s.define("IntVector", "e" + v + j,
                        masked(q, 2 * j, 3) + ".or(" + masked(high[v % high.length], bit + j - 2, 4) + ")");
                Site.Group group = s.group(s.pick("f" + v + j, scales, i -> start[i] / 16), null, 4);
                for (int k = 0; k < 4; k++) {
                    int at = k;
                    group.field(e, 8 * k, 3, s.columns(i -> start[i] + at));
                }
            }
        }
    }

    private static void tq20(Site s) {
        String d = s.uniform("dv", s.half(64) + times(s.unit(2)));
        for (int v = 0; v < 16 / s.lanes; v++) {
            String q = s.intVector("q" + v, 4 * s.lanes * v);
            for (int j = 0; j < 4; j++) {
                int[] start = crumbs(s, v, j);
                Site.Group group = s.group(d, null, 1);
                for (int k = 0; k < 4; k++) {
                    int at = k;
                    group.field(q, 8 * k + 2 * j, 2, s.columns(i -> start[i] + at));
                }
            }
        }
    }

    private static String times(int factor) {
        return factor == 1 ? "" : " * " + factor;
    }
}
