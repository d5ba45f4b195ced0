package org.crema.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.conformance.ConformanceReport;
import org.crema.model.runtime.Devices;
import org.junit.jupiter.api.Test;

/** The support matrix in the README is the one that the conformance kit prints. */
class ReadmeTest {
    @Test
    void supportMatrixIsTheKits() throws IOException {
        List<Device> devices = new ArrayList<>();
        try {
            devices.add(Devices.open("reference", DeviceOptions.DEFAULT));
            devices.add(Devices.open("cpu", DeviceOptions.DEFAULT));
            String readme = Files.readString(Path.of("..", "README.md"));
            String matrix = readme.replaceAll("(?s).*<!-- support -->\n(.*)\n<!-- /support -->.*", "$1");
            assertEquals(ConformanceReport.markdown(devices).strip(), matrix);
        } finally {
            devices.forEach(Device::close);
        }
    }
}
