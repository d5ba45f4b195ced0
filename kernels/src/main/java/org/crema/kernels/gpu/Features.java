package org.crema.kernels.gpu;

import java.util.Set;
import java.util.function.Predicate;
import org.crema.kernels.quant.QuantType;

/**
 * What a driver has beyond the plain kernels; without it, plain ones do the same. {@code docs/architecture.md}, "Optional kernels",
 * has entries, arguments and layouts.
 *
 * @param kernels for groups of ops
 * @param int8 types of weights whose products take activations in int8: every mat-vec of such a type is there a second time, as
 * entry {@code …_i8}, and so are {@code quantise} and {@code rms_norm_i8}
 * @param int8Within types of weights whose mat-vecs may make activations int8 themselves: they take F32, and say what they do by what they
 * are built with
 * @param routeBytes most bytes of a router that {@link Kernel#ROUTE} reads in one work-group
 */
public record Features(Set<Kernel> kernels, Predicate<QuantType> int8, Predicate<QuantType> int8Within, long routeBytes) {
    /** A kernel for a group of ops. */
    public enum Kernel {
        /** {@code matvec1_joint}: two products of one row. */
        JOINT,
        /** {@code append}: norm and rotation of what goes into a cache, another rotation, and the write. */
        APPEND,
        /** {@code route}: a norm, the router's product and the choice of experts, for a few rows. */
        ROUTE,
        /** {@code matvec1_sum}: the products of a row's experts, their weighted sum, and what is added to it. */
        EXPERT_SUM,
        /** {@code matvec1_swiglu_mixed} and {@code matvec1_sum_mixed}: a mixture's shared experts together with the chosen ones. */
        MIXTURE,
        /** {@code matvec1_gated_i8}: gate, up and their activation in F32 and in int8, for the product that reads it. */
        GATED_INT8,
        /** {@code gemm_i8}: tiles over activations in int8. Without, products of many rows take F32. */
        INT8_TILES,
        /**
         * Launches whose last work-group to finish goes on: with the norm of the row that a mat-vec has made, or its rows in int8; with
         * the parts of attention; {@code router} with the choice of experts.
         */
        LAST_GROUP,
        /** {@code best}: the best column of each row of an output. Without, rows are read and searched by the host. */
        BEST
    }

    /** Plain kernels only. */
    public static final Features NONE = new Features(Set.of(), type -> false, type -> false, 0);

    public Features {
        kernels = Set.copyOf(kernels);
    }

    boolean has(Kernel kernel) {
        return kernels.contains(kernel);
    }
}
