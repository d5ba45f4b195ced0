package org.crema.kernels.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.crema.kernels.Rotation;
import org.junit.jupiter.api.Test;

class MemoryTest {
    @Test
    void anglesAreFractionsOfATurn() {
        Rotation rotation = new Rotation(Rotation.Pairing.ADJACENT, List.of(Math.PI / 2, 2 * Math.PI * 0.75, 1e-4, 7.0), 1);
        assertEquals(1L << 62, Memory.turns(rotation, 0));
        assertEquals(3L << 62, Memory.turns(rotation, 1));
        for (int pair = 2; pair < 4; pair++) {
            double angle = 100_000 * rotation.frequencies().get(pair);
            double turned = (100_000 * Memory.turns(rotation, pair)) * 0x1p-64 * 2 * Math.PI;
            assertEquals(Math.cos(angle), Math.cos(turned), 1e-9);
            assertEquals(Math.sin(angle), Math.sin(turned), 1e-9);
        }
    }
}
