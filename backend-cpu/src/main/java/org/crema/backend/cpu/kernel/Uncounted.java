package org.crema.backend.cpu.kernel;

/**
 * Keeps C2 from seeing that a loop is counted. Where it sees it, C2 turns each check of an address into checks of the loop's
 * counter, some twenty instructions each, hoping to take them out by unrolling; it never unrolls bodies as large as the kernels'.
 */
final class Uncounted {
    /** Always 1. Not final: C2 must not know. */
    @SuppressWarnings("NonFinalStaticField")
    static int one = 1;

    private Uncounted() {}
}
