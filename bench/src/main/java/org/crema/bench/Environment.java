package org.crema.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Properties;

/**
 * What all records of a run share.
 *
 * @param commit that was built, with "-dirty" if files were changed; "unknown" if it was built outside a repository
 * @param processor the host's processor
 * @param cores logical processors of the host that this process may use
 * @param os system, version and architecture
 * @param jvm its name and version
 * @param jvmFlags what it was started with
 * @param clockMhz of the first core, when asked; empty where the system does not tell
 */
public record Environment(String commit, String processor, int cores, String os, String jvm, List<String> jvmFlags,
        OptionalDouble clockMhz) {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    /** Asks the machine. */
    public static Environment here() {
        String os = System.getProperty("os.name") + " " + System.getProperty("os.version") + " " + System.getProperty("os.arch");
        return new Environment(builtCommit(), field("model name", System.getProperty("os.arch")),
                Runtime.getRuntime().availableProcessors(), os, System.getProperty("java.vm.name") + " " + Runtime.version(),
                ManagementFactory.getRuntimeMXBean().getInputArguments(), clock());
    }

    private static String builtCommit() {
        Properties properties = new Properties();
        try (InputStream in = Environment.class.getResourceAsStream("build.properties")) {
            if (in != null) {
                properties.load(in);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return properties.getProperty("commit", "unknown");
    }

    private static OptionalDouble clock() {
        String mhz = field("cpu MHz", "");
        return mhz.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(Double.parseDouble(mhz));
    }

    /** A line of Linux's description of the first core; elsewhere the default. */
    private static String field(String name, String otherwise) {
        try {
            return Files.readAllLines(CPU_INFO, StandardCharsets.UTF_8).stream()
                    .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name.toLowerCase(Locale.ROOT)))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip()).findFirst().orElse(otherwise);
        } catch (IOException e) {
            // No such file on other systems.
            return otherwise;
        }
    }
}
