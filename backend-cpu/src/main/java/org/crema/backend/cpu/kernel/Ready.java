package org.crema.backend.cpu.kernel;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.crema.kernels.quant.QuantType;

/** Which kernels may be used: all, unless soft vectors, which give the same bits, take their place for a {@linkplain Starter moment}. */
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

    /** Of all kernels. */
    static void everything(boolean ready) {
        TYPES.values().forEach(each -> each.all(ready));
        for (Ready panel : PANELS) {
            panel.all(ready);
        }
        SOFTMAX.all(ready);
        MIX.all(ready);
    }

    void all(boolean ready) {
        one = ready;
        several = ready;
        tile = ready;
    }
}
