package org.crema.backend.cpu;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** What this machine has: processors and memory. Where Linux's files are missing, what the JVM knows. */
final class Machine {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Path MEMORY_INFO = Path.of("/proc/meminfo");
    private static final Path CPUS = Path.of("/sys/devices/system/cpu");

    private Machine() {}

    /** The processor's name. */
    static String processor() {
        return field(CPU_INFO, "model name").or(() -> field(CPU_INFO, "Model")).orElse(System.getProperty("os.arch"));
    }

    /** Processor cores that this process may use; threads of one core count once. */
    static int cores() {
        int logical = Runtime.getRuntime().availableProcessors();
        Set<String> cores = new HashSet<>();
        try (DirectoryStream<Path> cpus = Files.newDirectoryStream(CPUS, "cpu[0-9]*")) {
            for (Path cpu : cpus) {
                cores.add(Files.readString(cpu.resolve("topology/thread_siblings_list"), StandardCharsets.US_ASCII));
            }
        } catch (IOException e) {
            // Not Linux, or a container that hides it: all logical processors it is.
            return logical;
        }
        return cores.isEmpty() ? logical : Math.min(cores.size(), logical);
    }

    /** Memory of the machine, or of the container, in bytes. */
    static long memory() {
        return system().getTotalMemorySize();
    }

    /** Memory that can be had without swapping, file cache included. */
    static long freeMemory() {
        Optional<Long> available = field(MEMORY_INFO, "MemAvailable").map(text -> Long.parseLong(text.replace(" kB", "")) << 10);
        return available.map(bytes -> Math.min(bytes, memory())).orElseGet(() -> system().getFreeMemorySize());
    }

    private static OperatingSystemMXBean system() {
        return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }

    private static Optional<String> field(Path file, String name) {
        try {
            return Files.readAllLines(file, StandardCharsets.UTF_8).stream()
                    .filter(line -> line.startsWith(name) && line.substring(name.length()).strip().startsWith(":"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
