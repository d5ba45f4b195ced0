package org.crema.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.crema.kernels.Backend;
import org.crema.kernels.DeviceInfo;
import org.crema.model.runtime.Devices;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Says what this machine can run. */
@Command(name = "doctor", description = "Shows the Java runtime, every device that was found, and why others were not.")
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        Map<String, Object> report = new LinkedHashMap<>();
        Map<String, String> java = new LinkedHashMap<>();
        java.put("version", Runtime.version().toString());
        java.put("vm", System.getProperty("java.vm.name") + " (" + System.getProperty("java.vm.vendor") + ")");
        java.put("os",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", " + System.getProperty("os.arch"));
        java.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
        java.put("heap", Report.bytes(Runtime.getRuntime().maxMemory()));
        java.put("vector module", ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
                ? "present"
                : "missing; start Java with --add-modules jdk.incubator.vector");
        java.put("native access", DoctorCommand.class.getModule().isNativeAccessEnabled()
                ? "enabled"
                : "not enabled; start Java with --enable-native-access=ALL-UNNAMED");
        report.put("java", java);
        List<Map<String, Object>> devices = new ArrayList<>();
        Map<String, List<String>> rejections = new LinkedHashMap<>();
        for (Backend backend : Devices.backends().values()) {
            Backend.Discovery found = backend.discover();
            found.devices().forEach(info -> devices.add(fields(info)));
            rejections.put(backend.name(), found.rejections());
        }
        report.put("devices", devices);
        report.put("rejected", rejections);
        if (json) {
            Console.out().println(Report.json(report));
            return 0;
        }
        var out = Console.out();
        java.forEach((key, value) -> out.printf("%-16s %s%n", key, value));
        for (Map<String, Object> device : devices) {
            out.printf("%n%-16s %s%n", device.get("id"), device.get("name"));
            device.forEach((key, value) -> {
                if (!key.equals("id") && !key.equals("name")) {
                    out.printf("  %-14s %s%n", key, value);
                }
            });
        }
        rejections.forEach((name, reasons) -> reasons.forEach(reason -> out.printf("%n%-16s not available: %s%n", name, reason)));
        return 0;
    }

    private static Map<String, Object> fields(DeviceInfo info) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", info.id());
        fields.put("name", info.name());
        fields.put("kind", info.kind().toString().toLowerCase(java.util.Locale.ROOT));
        fields.put("memory", Report.bytes(info.memoryBytes()));
        fields.put("free", Report.bytes(info.freeBytes()));
        fields.putAll(info.details());
        return fields;
    }
}
