package org.crema.kernels.gpu;

import java.util.Map;
import java.util.Optional;
import org.crema.kernels.quant.QuantType;

/**
 * A source file with kernels, built for some constants.
 *
 * @param name what they are for, in messages
 * @param file below the folder of device sources, without its ending
 * @param type of the weights that they read
 * @param constants by name
 */
public record Kernels(String name, String file, Optional<QuantType> type, Map<String, Integer> constants) {
    public Kernels {
        constants = Map.copyOf(constants);
    }
}
