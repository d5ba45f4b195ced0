package org.crema.backend.cpu.gen;

import java.util.List;
import org.crema.kernels.quant.QuantType;

/** The types without blocks; a "block" of theirs is one vector. Columns that do not fill a vector are left to scalar code. */
final class Plain {
    private Plain() {}

    static List<Format> formats(int lanes) {
        return List.of(Format.plain(QuantType.F32, lanes, Plain::f32), Format.plain(QuantType.F16, lanes, Plain::f16),
                Format.plain(QuantType.BF16, lanes, Plain::bf16));
    }

    private static void f32(Site s) {
        s.group(null).floats("FloatVector.fromMemorySegment(F, ALL, " + s.at(0) + ", LE)", s.columns(i -> i));
    }

    /**
     * The half is moved so that its sign, exponent and fraction lie where a float has them, and multiplied by 2^112, the difference of
     * the exponents' biases; so subnormal halves come out right too. Infinities and NaN, which no weight is, come out finite.
     */
    private static void f16(Site s) {
        String bits = shorts(s);
        s.group(null).floats(bits + ".lanewise(LSHL, 16).lanewise(ASHR, 3).and(int_8fffe000).reinterpretAsFloats().mul(float_77800000)",
                s.columns(i -> i));
    }

    private static void bf16(Site s) {
        s.group(null).floats(shorts(s) + ".lanewise(LSHL, 16).reinterpretAsFloats()", s.columns(i -> i));
    }

    private static String shorts(Site s) {
        return s.define("IntVector", "q",
                "(IntVector) ShortVector.fromMemorySegment(S, ALL, " + s.at(0) + ", LE).convertShape(S2I, I, 0)");
    }
}
