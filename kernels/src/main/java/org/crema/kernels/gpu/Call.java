package org.crema.kernels.gpu;

import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Cache;
import org.crema.kernels.Op;
import org.crema.kernels.Weight;

/** One call of a kernel. Its arguments stay as they are; only how many work-groups there are changes with the step. */
public final class Call {
    private final List<Op> ops;
    private final String name;
    private final Kernels kernels;
    private final String entry;
    private final int group;
    private final Counts.Sizer sizer;
    private final List<Argument> arguments = new ArrayList<>();

    /** What a kernel is given, in the order in which it declares it. */
    public sealed interface Argument {
        /** Memory that an executable has one of. */
        enum Shared implements Argument {
            /** The slots, and what kernels leave for each other. */
            ARENA,
            /** Norm weights, biases and rotary frequencies. */
            CONSTANTS,
            /** The step block. */
            STEP
        }

        /** A tensor. */
        record Tensor(Weight weight) implements Argument {}

        /** The pages of a cache. */
        record Pages(Cache cache) implements Argument {}

        /** One to eight numbers of 32 bits. */
        record Ints(List<Integer> values) implements Argument {}

        /** A number of 64 bits. */
        record Wide(long value) implements Argument {}

        /** A float. */
        record Real(float value) implements Argument {}
    }

    Call(List<Op> ops, String name, Kernels kernels, String entry, int group, Counts.Sizer sizer) {
        this.ops = List.copyOf(ops);
        this.name = name;
        this.kernels = kernels;
        this.entry = entry;
        this.group = group;
        this.sizer = sizer;
    }

    Call arg(Argument argument) {
        arguments.add(argument);
        return this;
    }

    Call arg(int... values) {
        List<Integer> list = new ArrayList<>();
        for (int value : values) {
            list.add(value);
        }
        return arg(new Argument.Ints(List.copyOf(list)));
    }

    Call wide(long value) {
        return arg(new Argument.Wide(value));
    }

    Call real(float value) {
        return arg(new Argument.Real(value));
    }

    /** The ops that it computes, or helps to. */
    public List<Op> ops() {
        return ops;
    }

    /** What it computes, for messages. */
    public String name() {
        return name;
    }

    public Kernels kernels() {
        return kernels;
    }

    /** The kernel's name. */
    public String entry() {
        return entry;
    }

    /** Work-items of a group, in the first dimension. */
    public int group() {
        return group;
    }

    public List<Argument> arguments() {
        return List.copyOf(arguments);
    }

    /** Sets how many work-groups there are in this step; returns whether there are any. */
    public boolean groups(Counts counts, long[] groups) {
        sizer.groups(counts, groups);
        return groups[0] > 0 && groups[1] > 0 && groups[2] > 0;
    }
}
