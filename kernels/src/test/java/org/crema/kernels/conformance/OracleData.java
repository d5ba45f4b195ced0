package org.crema.kernels.conformance;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.GZIPInputStream;

/**
 * The golden data that tests compare with.
 *
 * <p>A small part of it lies in the test resources of each module, in folders named {@code oracle}. If the system property
 * {@code oracle} names a directory, that is used in their place, so the same tests run over all of the data.
 */
public final class OracleData {
    /** Copies by what they were made of. */
    private static final Map<Path, Path> UNPACKED = new ConcurrentHashMap<>();

    private OracleData() {}

    private static Path unpack(Path packed) {
        String name = packed.getFileName().toString();
        try (InputStream in = new GZIPInputStream(Files.newInputStream(packed))) {
            Path folder = Files.createTempDirectory("crema-oracle");
            Path file = folder.resolve(name.substring(0, name.length() - ".gz".length()));
            folder.toFile().deleteOnExit();
            file.toFile().deleteOnExit();
            Files.copy(in, file);
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot unpack " + packed, e);
        }
    }

    /** Whether the whole data is used, not the small part in the resources. */
    public static boolean whole() {
        return !property().isEmpty();
    }

    /**
     * The directories that hold golden data, in the order of the class path. Folders inside jars are left out, since tests map
     * these files into memory: a module that reads golden data has its own.
     *
     * @throws IllegalStateException if the system property {@code oracle} names no directory, or if it is empty and the class path
     *         has no folder {@code oracle}
     */
    public static List<Path> roots() {
        if (whole()) {
            Path root = Path.of(property()).toAbsolutePath();
            if (!Files.isDirectory(root)) {
                throw new IllegalStateException("system property oracle names " + root + ", which is not a directory");
            }
            return List.of(root);
        }
        List<Path> roots = new ArrayList<>();
        try {
            for (URL url : loader().resources("oracle").toList()) {
                URI uri = url.toURI();
                if ("file".equals(uri.getScheme())) {
                    roots.add(Path.of(uri));
                }
            }
        } catch (URISyntaxException e) {
            throw new IllegalStateException("a class path entry has no valid address", e);
        }
        if (roots.isEmpty()) {
            throw new IllegalStateException(
                    "no folder oracle in the test resources; give one with -Doracle=DIRECTORY or add it to src/test/resources");
        }
        return roots;
    }

    /** The first of {@link #roots}: the directory that was named, or the module's own folder. */
    public static Path root() {
        return roots().getFirst();
    }

    /**
     * A file of the golden data, in the first directory that has it. Where it lies packed, with {@code .gz} behind its name, it is a
     * copy that goes when the JVM does.
     *
     * @param name relative to the root, with slashes: {@code quant/Q4_K.blocks}
     * @throws IllegalArgumentException if no directory has it
     */
    public static Path file(String name) {
        for (Path root : roots()) {
            Path file = root.resolve(name);
            if (Files.exists(file)) {
                return file;
            }
            Path packed = root.resolve(name + ".gz");
            if (Files.exists(packed)) {
                return UNPACKED.computeIfAbsent(packed, OracleData::unpack);
            }
        }
        throw new IllegalArgumentException("no file " + name + " in " + roots());
    }

    /** All bytes of a file of the golden data. */
    public static byte[] bytes(String name) {
        return bytes(file(name));
    }

    /** The little-endian floats of a file of the golden data. */
    public static float[] f32(String name) {
        return f32(file(name));
    }

    /** The little-endian floats of a file. */
    public static float[] f32(Path file) {
        ByteBuffer bytes = buffer(file, Float.BYTES);
        float[] values = new float[bytes.capacity() / Float.BYTES];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /** The little-endian doubles of a file of the golden data. */
    public static double[] f64(String name) {
        return f64(file(name));
    }

    /** The little-endian doubles of a file. */
    public static double[] f64(Path file) {
        ByteBuffer bytes = buffer(file, Double.BYTES);
        double[] values = new double[bytes.capacity() / Double.BYTES];
        bytes.asDoubleBuffer().get(values);
        return values;
    }

    /**
     * The normalised mean square error, Σ(actual - expected)² / Σ expected². Expected zeros give 0 if they are met, else infinity.
     * A NaN makes it NaN, so compare with {@code <=}.
     *
     * @throws IllegalArgumentException if the lengths differ or are 0
     */
    public static double nmse(float[] actual, float[] expected) {
        if (actual.length != expected.length || expected.length == 0) {
            throw new IllegalArgumentException(actual.length + " values to compare with " + expected.length);
        }
        double error = 0;
        double power = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = (double) actual[i] - expected[i];
            error += difference * difference;
            power += (double) expected[i] * expected[i];
        }
        return error == 0 ? 0 : error / power;
    }

    private static String property() {
        return System.getProperty("oracle", "").strip();
    }

    private static ClassLoader loader() {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        return loader != null ? loader : OracleData.class.getClassLoader();
    }

    private static ByteBuffer buffer(Path file, int elementBytes) {
        byte[] bytes = bytes(file);
        if (bytes.length % elementBytes != 0) {
            throw new IllegalArgumentException(
                    file + " has " + bytes.length + " bytes, not a multiple of " + elementBytes);
        }
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }
}
