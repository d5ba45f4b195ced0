package org.crema.backend.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.crema.kernels.Backend;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.gpu.Tuning;
import org.crema.kernels.conformance.ConformanceKit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/**
 * Tiny shapes on oclgrind, which looks for data races and accesses out of bounds; its log must stay empty. (Its check for
 * uninitialised values knows only buffers that are written as a whole; the kit fills memory with a pattern for that.) Run
 * by an execution of its own, whose environment names oclgrind as the only driver.
 */
@Tag("oclgrind")
class OclgrindTest extends ConformanceKit {
    private static final String TYPES = "(Q4_K|Q5_0|F16)";
    static final String SAMPLE = "MatMul/" + TYPES + "/(3|17)x\\d{2,4}/b[1-7](/|$)|MatMul/[A-Z0-9_]+/1x\\d+/b1$|"
            + "HeadMatMul/Q8_0.*/b[157]$|ExpertMatMul/" + TYPES + ".*/b([12]|33)(/pairs)?$|GateExperts/(v3|v2).*b1$|"
            + "GateExperts/(ties|NaN)|RmsNorm/(shape|in place)/(1x100|3x64|2x17)/b\\d$|(Add|SwiGlu).*/(1x100|2x17)|"
            + "SelectRows/100|Rope/.*/(b16|far)$|Embed/.*/b1$|ExpertSum/.*/b[17]$|Attention/.*/1 over 1|LatentAttention/F16/2x|Fused/(joint|output of experts(, residual)?)/Q4_K/|"
            + "Fused/(norm and|append, norm, query/Q8_0|mixture/Q5_0, Q5_0/64)";

    @BeforeAll
    static void need() {
        boolean wanted = System.getenv("OCLGRIND_LOG") != null;
        assumeTrue(wanted, "runs in an execution of its own, with oclgrind as the driver");
        Backend.Discovery found = new OpenClBackend().discover();
        boolean there = !found.devices().isEmpty();
        String reason = "no oclgrind: " + found.rejections() + "; install the package oclgrind";
        if ("true".equals(System.getenv("CI"))) {
            assertTrue(there, reason);
        }
        assumeTrue(there, reason);
        assertEquals("Oclgrind", found.devices().getFirst().details().get("platform"), "another driver than oclgrind");
    }

    @AfterAll
    static void emptyLog() throws IOException {
        String log = System.getenv("OCLGRIND_LOG");
        String text = log != null && Files.exists(Path.of(log)) ? Files.readString(Path.of(log)) : "";
        assertEquals("", text, "oclgrind found something");
    }

    @Override
    protected Device device() {
        return OpenClBackend.open(0, DeviceOptions.DEFAULT, Tuning.OTHER);
    }

    @Override
    protected Size size() {
        return Size.TINY;
    }

    @Override
    protected String only() {
        return super.only().isEmpty() ? SAMPLE : super.only();
    }

    @Override
    protected List<Precision> precisions() {
        return List.of(Precision.F32);
    }
}
