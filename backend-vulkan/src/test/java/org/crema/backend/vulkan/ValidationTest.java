package org.crema.backend.vulkan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** That the validation layer, which all tests rely on, does see a missing barrier: in a process of its own, since messages are kept. */
class ValidationTest {
    @Test
    void aMissingBarrierIsSeen() throws IOException, InterruptedException {
        Devices.need();
        String with = run("with barriers");
        assertEquals("", with, with);
        String without = run("without barriers");
        assertTrue(without.contains("SYNC-HAZARD-READ-AFTER-WRITE") || without.contains("SYNC-HAZARD-WRITE-AFTER-WRITE"),
                without);
    }

    private static String run(String how) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-D" + Instance.VALIDATION + "=true", "-cp",
                System.getProperty("java.class.path"),
                MissingBarrier.class.getName(), how));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return said.strip();
    }
}
