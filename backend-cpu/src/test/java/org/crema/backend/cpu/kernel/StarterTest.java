package org.crema.backend.cpu.kernel;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The first moment of a JVM, which there is one of: no other test of this class may begin it. */
class StarterTest {
    @Test
    @Timeout(value = 60, unit = TimeUnit.SECONDS)
    void kernelsTakeOverAfterTheFirstStep() throws InterruptedException {
        assertFalse(Starter.soft(), "nobody turned it on");
        Starter.stepBegins();
        assertFalse(Starter.soft(), "nobody turned it on");
        Starter.begin(Duration.ofHours(1));
        assertTrue(Starter.soft());
        Starter.stepDone();
        while (Starter.soft()) {
            Thread.sleep(1);
        }
        Starter.begin(Duration.ofHours(1));
        assertFalse(Starter.soft(), "once is enough");
    }
}
