package org.crema.kernels.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.crema.kernels.Device;

/** All conformance cases on a device, without a test framework around them: for machines that are borrowed for some minutes. */
public final class DeviceCheck {
    private DeviceCheck() {}

    /**
     * Runs the cases that {@code conformance.only} and {@code conformance.size} leave.
     *
     * @param device is closed
     * @param progress is told how many cases are done, and of how many
     * @return the messages of those that failed; empty if all is well
     */
    public static List<String> failures(Device device, BiConsumer<Integer, Integer> progress) {
        ConformanceKit kit = new ConformanceKit() {
            @Override
            protected Device device() {
                return device;
            }
        };
        List<String> failures = new ArrayList<>();
        try {
            List<Case> cases = kit.chosen();
            for (int i = 0; i < cases.size(); i++) {
                try {
                    kit.check(cases.get(i));
                } catch (AssertionError | RuntimeException e) {
                    failures.add(String.valueOf(e.getMessage()));
                }
                progress.accept(i + 1, cases.size());
            }
        } finally {
            kit.closeDevice();
        }
        return failures;
    }
}
