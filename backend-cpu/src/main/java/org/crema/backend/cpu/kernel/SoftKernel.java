package org.crema.backend.cpu.kernel;

import java.util.EnumMap;
import java.util.Map;
import org.crema.backend.cpu.soft.Window;
import org.crema.kernels.quant.QuantType;

/** What a {@link BlockKernel} computes, bit by bit, over soft vectors. For one thread. */
abstract class SoftKernel {
    private static final ThreadLocal<Map<QuantType, SoftKernel>> OF_THREAD = ThreadLocal.withInitial(
            () -> new EnumMap<>(QuantType.class));

    /** Named as the memory that it stands for in the text of the kernels. */
    @SuppressWarnings("MemberName")
    final Window ALL = new Window();

    /** The calling thread's. */
    static SoftKernel of(QuantType type) {
        return OF_THREAD.get().computeIfAbsent(type, t -> GeneratedKernels.soft(t, Species.LANES));
    }

    /** The lanes of the product of the row and the activations in the window; addresses are the window's, and there is one row. */
    abstract void one(long weights, long step, int count, int blocks, long x, long sums);

    /** Blocks of the row in the window as floats. */
    abstract void tileRow(long weights, int blocks, float[] tile, int at);
}
