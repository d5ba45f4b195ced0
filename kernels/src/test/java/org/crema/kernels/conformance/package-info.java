/**
 * Holds every backend to the plain reference: each op with each quant type at odd shapes, and whole layers. A backend's own test is a
 * subclass of {@link org.crema.kernels.conformance.ConformanceKit} that names its device; {@code docs/kernels.md} says how to run it.
 */
package org.crema.kernels.conformance;
