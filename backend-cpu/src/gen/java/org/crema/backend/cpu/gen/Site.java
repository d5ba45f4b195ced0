package org.crema.backend.cpu.gen;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * One block of one row, at one place of the generated code. A {@link Format} describes through it how the weights of the block come
 * out of memory: as groups of vectors of raw values that share a scale.
 */
final class Site {
    /**
     * A vector of raw values, and the column of the block that each lane holds. The values are an expression of type FloatVector, or
     * one of type IntVector, or a field of {@code bits} bits at bit {@code at} of the lanes of {@code ints}.
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Values(String floats, String ints, int at, int bits, int[] columns) {
        /** The values minus {@code zero} as floats. */
        String exact(int zero) {
            if (floats != null) {
                return floats;
            }
            String field = bits == 0 ? ints : field(ints, at, bits);
            return "((FloatVector) " + field + (zero == 0 ? "" : ".sub(" + number(zero) + ")") + ".convert(I2F, 0))";
        }

        /** The field as fraction of a float: {@code 1 + value / 2^bits}. */
        String fraction() {
            int low = 23 - bits;
            return shift(ints, at - low) + ".and(" + number(((1 << bits) - 1) << low) + ").or(" + number(0x3f800000)
                    + ").reinterpretAsFloats()";
        }

        /** {@code (value - zero) / 2^bits}, exactly. */
        String exactFraction(int zero) {
            return fraction() + ".sub(float_" + Integer.toHexString(Float.floatToRawIntBits(1 + (float) zero / (1 << bits))) + ")";
        }
    }

    /** The value of a weight is {@code (raw - zero) * scale + offset}; scale and offset are FloatVector expressions. */
    record Group(String scale, String offset, int zero, List<Values> values) {
        Group field(String ints, int at, int bits, int[] columns) {
            values.add(new Values(null, ints, at, bits, columns));
            return this;
        }

        Group ints(String expression, int[] columns) {
            values.add(new Values(null, expression, 0, 0, columns));
            return this;
        }

        Group floats(String expression, int[] columns) {
            values.add(new Values(expression, null, 0, 0, columns));
            return this;
        }
    }

    /** A sum of neighbouring activations, times a factor. */
    record Sum(int first, int count, float factor) {}

    /** Adds, to a dot product, a vector times sums of activations; one per lane. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Term(String vector, Sum[] sums) {}

    final Kernel kernel;
    final int lanes;
    /** Whether fields are taken as {@link Values#fraction}; scales are then multiplied by {@link #unit}. */
    final boolean fractions;
    final List<Group> groups = new ArrayList<>();
    final List<Term> terms = new ArrayList<>();
    private final Body body;
    private final String address;
    private final int base;
    private final String suffix;

    Site(Kernel kernel, Body body, String address, int base, String suffix) {
        this.kernel = kernel;
        this.lanes = kernel.lanes;
        this.fractions = kernel.format.fractions();
        this.body = body;
        this.address = address;
        this.base = base;
        this.suffix = suffix;
    }

    String define(String type, String name, String expression) {
        return body.define(type, name + suffix, expression);
    }

    /** The name under which this block defined a variable. */
    String name(String name) {
        return name + suffix;
    }

    Group group(String scale) {
        return group(scale, null, 0);
    }

    /** @param offset expression or null */
    Group group(String scale, String offset, int zero) {
        Group group = new Group(scale, offset, zero, new ArrayList<>());
        groups.add(group);
        return group;
    }

    void term(String vector, IntFunction<Sum> sums) {
        terms.add(new Term(vector, IntStream.range(0, lanes).mapToObj(sums).toArray(Sum[]::new)));
    }

    String at(int offset) {
        return base + offset == 0 ? address : address + " + " + (base + offset);
    }

    String i8(int offset) {
        return "ALL.get(I8, " + at(offset) + ")";
    }

    String i16(int offset) {
        return "ALL.get(I16, " + at(offset) + ")";
    }

    String i32(int offset) {
        return "ALL.get(I32, " + at(offset) + ")";
    }

    String i64(int offset) {
        return "ALL.get(I64, " + at(offset) + ")";
    }

    String half(int offset) {
        return "Float.float16ToFloat(" + i16(offset) + ")";
    }

    static String broadcast(String scalar) {
        return "FloatVector.broadcast(F, " + scalar + ")";
    }

    /** A scale that is the same for all weights. */
    String uniform(String name, String scalar) {
        return define("FloatVector", name, broadcast(scalar));
    }

    /** As many 32-bit lanes as a vector has, from {@code offset} on. */
    String intVector(String name, int offset) {
        return define("IntVector", name, "IntVector.fromMemorySegment(I, ALL, " + at(offset) + ", LE)");
    }

    /** Sixteen bytes. */
    String bytes16(String name, int offset) {
        return define("ByteVector", name, "ByteVector.fromMemorySegment(B16, ALL, " + at(offset) + ", LE)");
    }

    /** Sixteen bytes out of two longs. */
    String bytes16(String name, String low, String high) {
        return define("ByteVector", name,
                "LongVector.broadcast(L2, " + low + ").withLane(1, " + high + ").reinterpretAsBytes()");
    }

    /** Part {@code part} of the bytes from {@code offset} on, one byte in each lane; {@code conversion} as in Vector.convertShape. */
    String spread(String name, int offset, int part, String conversion) {
        String type = conversion.endsWith("I") ? "IntVector" : "FloatVector";
        String species = conversion.endsWith("I") ? "I" : "F";
        String bytes = lanes == 16 ? "B16" : "B8";
        int first = lanes == 4 ? offset + 8 * (part / 2) : offset + lanes * part;
        int half = lanes == 4 ? part % 2 : 0;
        return define(type, name, "(" + type + ") ByteVector.fromMemorySegment(" + bytes + ", ALL, " + at(first)
                + ", LE).convertShape(" + conversion + ", " + species + ", " + half + ")");
    }

    /** Turns sixteen signed bytes to {@code 16 / lanes} FloatVectors, each multiplied by a factor (an expression or null). */
    String[] floats16(String name, String bytes, String factor) {
        String[] names = new String[16 / lanes];
        for (int p = 0; p < names.length; p++) {
            String floats = "(FloatVector) " + bytes + ".convertShape(B2F, F, " + p + ")";
            names[p] = define("FloatVector", name + p, factor == null ? floats : "(" + floats + ").mul(" + factor + ")");
        }
        return names;
    }

    /** What a scale is multiplied by, given fields of so many bits. */
    int unit(int bits) {
        return fractions ? 1 << bits : 1;
    }

    /**
     * What the sums of activations are multiplied by, in the product with scales, so that it takes away zero and, with fractions, the 1.
     */
    float lessZero(int zero, int bits) {
        return fractions ? -1 - (float) zero / (1 << bits) : -zero;
    }

    /** A vector of which lane i is entry {@code entry(i)} of a list of vectors; all entries of one call lie in one of them. */
    String pick(String name, String[] vectors, IntUnaryOperator entry) {
        int[] entries = columns(entry);
        int vector = entries[0] / lanes;
        int[] lane = new int[lanes];
        for (int i = 0; i < lanes; i++) {
            if (entries[i] / lanes != vector) {
                throw new IllegalStateException(name + " needs entries of two vectors: " + Arrays.toString(entries));
            }
            lane[i] = entries[i] % lanes;
        }
        return define("FloatVector", name, vectors[vector] + ".rearrange(" + kernel.floatShuffle(lane) + ")");
    }

    int[] columns(IntUnaryOperator column) {
        int[] columns = new int[lanes];
        Arrays.setAll(columns, column);
        return columns;
    }

    /** The name of a vector with this number in all lanes; {@link Kernel#withConstants} declares it. */
    static String number(int value) {
        return "int_" + Integer.toHexString(value);
    }

    /** {@code vector >>> shift}, or {@code vector << -shift}. */
    static String shift(String vector, int shift) {
        return shift == 0 ? vector : vector + (shift > 0 ? ".lanewise(LSHR, " + shift : ".lanewise(LSHL, " + -shift) + ")";
    }

    /** The field of {@code bits} bits at bit {@code at} of every lane. */
    static String field(String vector, int at, int bits) {
        return shift(vector, at) + (at + bits == 32 ? "" : ".and(" + number((1 << bits) - 1) + ")");
    }

    static String masked(String vector, int shift, int byteMask) {
        return shift(vector, shift) + ".and(" + number(byteMask * 0x01010101) + ")";
    }
}
