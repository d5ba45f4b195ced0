package org.crema.kernels.gpu;

import java.util.function.Predicate;
import org.crema.kernels.Weight;

/**
 * What a device can hold and run at once.
 *
 * @param units compute units
 * @param localMemory bytes that the work-items of a group share
 * @param processor whether it is the CPU
 * @param largestAllocation most bytes of a tensor
 * @param largestBinding most bytes of the arena, of the constants or of a cache
 * @param inPlace which tensors are used where they are mapped
 */
public record Capacity(int units, long localMemory, boolean processor, long largestAllocation, long largestBinding,
        Predicate<Weight> inPlace) {}
