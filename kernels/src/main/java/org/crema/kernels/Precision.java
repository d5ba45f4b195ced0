package org.crema.kernels;

/** How exact an executable has to be. */
public enum Precision {
    /** Activations and sums in F32 on every backend: results differ by rounding only. */
    F32,
    /** A backend may quantise or halve activations where that is quicker, as llama.cpp always does. */
    FAST
}
