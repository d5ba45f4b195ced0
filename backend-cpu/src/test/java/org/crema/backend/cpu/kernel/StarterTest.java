package org.crema.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Kernels that are prepared in the background, in a JVM that has not run any. */
class StarterTest {
    /** Without the launcher's options C2 takes longer; then kernels are used as they are. */
    private static final Duration MOST = Duration.ofSeconds(3);

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS)
    void kernelsTakeOverWhenTheyAreReady() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        Starter.Work work = new Starter.Work(runs::incrementAndGet, 1_000_000, ready -> refused.addAndGet(ready ? 0 : 1));
        Starter.begin(Set.of(QuantType.Q8_0), List.of(work), MOST);
        assertFalse(Ready.of(QuantType.Q8_0).one, "not prepared yet");
        assertFalse(Ready.ofPanel(1).one, "not prepared yet");
        assertFalse(MatKernel.of(QuantType.Q8_0).ready());
        assertTrue(Ready.of(QuantType.Q6_K).one, "nobody asked for it");
        Starter.begin(Set.of(QuantType.Q8_0), List.of(), MOST);
        Starter.stepDone();
        while (!Starter.done()) {
            Thread.sleep(10);
        }
        assertTrue(runs.get() > 0 && refused.get() == 1, runs + " runs, " + refused + " times not ready");
        assertTrue(MatKernel.of(QuantType.Q8_0).ready());
        assertTrue(Ready.of(QuantType.Q8_0).tile && Ready.ofPanel(1).one);
        Starter.begin(Set.of(QuantType.Q8_0), List.of(), MOST);
        assertTrue(Ready.of(QuantType.Q8_0).one, "once is enough");
    }
}
