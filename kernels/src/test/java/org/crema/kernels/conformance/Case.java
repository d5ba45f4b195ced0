package org.crema.kernels.conformance;

import java.util.function.Function;

/**
 * A named check.
 *
 * @param name op, type and shape, with slashes between
 * @param cost multiplications, roughly; slow devices leave out the large ones
 * @param build makes its program and data
 */
record Case(String name, long cost, Function<RandomData, Scenario> build) {}
