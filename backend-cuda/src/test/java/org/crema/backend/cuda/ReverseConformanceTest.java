package org.crema.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** Again with the threads of a block in the opposite order, one step each: an execution of its own sets it. */
@Tag("reverse")
class ReverseConformanceTest extends CudaConformanceTest {
    @BeforeAll
    static void reversed() {
        Emulated.need();
        assertEquals("reverse", System.getenv("CUDA_CPU_ORDER"));
    }
}
