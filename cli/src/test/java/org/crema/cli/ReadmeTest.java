package org.crema.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.crema.kernels.DeviceException;
import org.crema.kernels.conformance.ConformanceReport;
import org.junit.jupiter.api.Test;

/** The support matrix in the README is the one that the conformance kit prints. */
class ReadmeTest {
    @Test
    void supportMatrixIsTheKits() throws IOException {
        String readme = Files.readString(Path.of("..", "README.md"));
        String matrix = readme.replaceAll("(?s).*<!-- support -->\n(.*)\n<!-- /support -->.*", "$1");
        String report;
        try {
            report = ConformanceReport.markdown();
        } catch (DeviceException e) {
            if ("true".equals(System.getenv("CI"))) {
                throw e;
            }
            abort(e.getMessage());
            return;
        }
        assertEquals(report.strip(), matrix);
    }
}
