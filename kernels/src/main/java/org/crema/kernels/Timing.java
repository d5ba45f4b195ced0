package org.crema.kernels;

import java.util.List;

/**
 * How long a piece of an executable took.
 *
 * @param part of the executable
 * @param ops what the piece does: one op, or several that the backend fused
 * @param runs how often it ran
 * @param nanos all runs together
 */
public record Timing(int part, List<Op> ops, long runs, long nanos) {
    public Timing {
        ops = List.copyOf(ops);
    }
}
