package org.crema.backend.cpu.kernel;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.crema.kernels.quant.QuantType;

/**
 * Which kernels C2 has compiled. Until then they are a hundred times slower than after, and ten times slower than soft vectors, which
 * give the same bits and take their place. Everything counts as compiled unless a {@linkplain Starter starter} prepares it.
 */
final class Ready {
    private static final Map<QuantType, Ready> TYPES = new EnumMap<>(QuantType.class);
    /** Micro-kernels, by vectors in the panel. */
    private static final Ready[] PANELS = new Ready[5];
    private static final Ready SOFTMAX = new Ready();
    private static final Ready MIX = new Ready();

    static {
        for (QuantType type : QuantType.values()) {
            TYPES.put(type, new Ready());
        }
        Arrays.setAll(PANELS, vectors -> new Ready());
    }

    /** The product of one row; of a micro-kernel, all there is. */
    volatile boolean one = true;
    /** Products of several rows. */
    volatile boolean several = true;
    /** The tile. */
    volatile boolean tile = true;

    private Ready() {}

    static Ready of(QuantType type) {
        return TYPES.get(type);
    }

    static Ready ofPanel(int vectors) {
        return PANELS[vectors];
    }

    /** The softmax of a panel of queries. */
    static Ready softmax() {
        return SOFTMAX;
    }

    /** The mixing of a tile's rows. */
    static Ready mix() {
        return MIX;
    }

    void all(boolean ready) {
        one = ready;
        several = ready;
        tile = ready;
    }
}
