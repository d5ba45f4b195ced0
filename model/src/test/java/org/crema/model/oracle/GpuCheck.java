package org.crema.model.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.crema.kernels.Device;
import org.crema.kernels.DeviceException;
import org.crema.kernels.DeviceInfo;
import org.crema.kernels.DeviceOptions;
import org.crema.kernels.Precision;
import org.crema.kernels.conformance.DeviceCheck;
import org.crema.model.runtime.Devices;
import tools.jackson.databind.ObjectMapper;

/**
 * The conformance kit and the golden logits on devices, for {@code scripts/gpu-check}. Arguments: the JSON file to write, then devices.
 * A device that is not there is left out, with its reason in the record; ends with 1 if any check failed.
 */
final class GpuCheck {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double EXACT = 1e-4;
    private static final int STEP_TOKENS = 512;
    private static final int FEW_TOKENS = 3;
    private static final int EACH = 100;

    private GpuCheck() {}

    public static void main(String[] arguments) throws IOException {
        List<Map<String, Object>> results = new ArrayList<>();
        boolean well = true;
        for (String id : Arrays.asList(arguments).subList(1, arguments.length)) {
            Map<String, Object> result = check(id);
            results.add(result);
            well &= !(result.get("failures") instanceof List<?> failures) || failures.isEmpty();
        }
        Files.writeString(Path.of(arguments[0]), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(results));
        System.exit(well ? 0 : 1);
    }

    private static Map<String, Object> check(String id) throws IOException {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("device", id);
        List<String> failures = new ArrayList<>();
        long begin = System.nanoTime();
        try {
            Device device = Devices.open(id, DeviceOptions.DEFAULT);
            DeviceInfo info = device.info();
            result.put("name", info.name());
            result.put("details", info.details());
            System.out.println(id + ", " + info.name() + ", " + info.details());
            int[] cases = new int[1];
            failures.addAll(DeviceCheck.failures(device, (done, all) -> {
                cases[0] = all;
                if (done % EACH == 0) {
                    System.out.println("  " + done + " of " + all + " conformance cases");
                }
            }));
            result.put("conformance cases", cases[0]);
        } catch (DeviceException absent) {
            System.out.println(id + " is left out: " + absent.getMessage());
            result.put("left out", absent.getMessage());
            return result;
        }
        int models = 0;
        for (OracleLogits.OracleModel model : OracleLogits.OracleModel.all()) {
            models++;
            try (Device device = Devices.open(id, DeviceOptions.DEFAULT)) {
                OracleLogits.check(model, device, Precision.F32, EXACT, STEP_TOKENS);
                OracleLogits.check(model, device, Precision.F32, EXACT, FEW_TOKENS);
                OracleLogits.check(model, device, Precision.FAST, 0, STEP_TOKENS);
            } catch (AssertionError | RuntimeException e) {
                failures.add(model.name() + ": " + e.getMessage());
            }
        }
        result.put("golden models", models);
        result.put("seconds", (System.nanoTime() - begin) / 1_000_000 / 1e3);
        result.put("failures", failures);
        failures.forEach(failure -> System.out.println("FAILED " + failure));
        System.out.println(id + ": " + failures.size() + " failures");
        return result;
    }
}
