package org.crema.kernels.conformance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OracleDataTest {
    @TempDir
    private Path temp;

    private String property;
    private ClassLoader loader;

    @BeforeEach
    void remember() {
        property = System.getProperty("oracle", "");
        loader = Thread.currentThread().getContextClassLoader();
    }

    @AfterEach
    void restore() {
        System.setProperty("oracle", property);
        Thread.currentThread().setContextClassLoader(loader);
    }

    @Test
    void theResourcesAreUsedWhenNothingIsGiven() {
        System.setProperty("oracle", "");
        assertTrue(Files.exists(OracleData.root().resolve("quant/manifest.json")));
        assertEquals(512, OracleData.f32("quant/x.f32").length);
    }

    @Test
    void theNamedDirectoryIsUsedInTheirPlace() throws IOException {
        System.setProperty("oracle", temp.toString());
        Files.write(temp.resolve("a.f32"), new byte[] {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, (byte) 0xc0});
        Files.write(temp.resolve("a.f64"), new byte[] {0, 0, 0, 0, 0, 0, (byte) 0xf0, 0x3f});
        assertEquals(List.of(temp.toAbsolutePath()), OracleData.roots());
        assertArrayEquals(new float[] {1, -2}, OracleData.f32("a.f32"));
        assertArrayEquals(new double[] {1}, OracleData.f64("a.f64"));
        assertThrows(IllegalArgumentException.class, () -> OracleData.file("quant/x.f32"));
    }

    @Test
    void aDirectoryThatIsNoneIsAnError() {
        System.setProperty("oracle", temp.resolve("absent").toString());
        String message = assertThrows(IllegalStateException.class, OracleData::root).getMessage();
        assertTrue(message.contains("absent"), message);
    }

    @Test
    void everyFolderOfTheClassPathIsFound() throws IOException {
        System.setProperty("oracle", "");
        Files.createDirectories(temp.resolve("with space/oracle"));
        Path file = Files.writeString(temp.resolve("with space/oracle/only-here.txt"), "x");
        try (URLClassLoader both = new URLClassLoader(new URL[] {temp.resolve("with space").toUri().toURL()}, loader)) {
            Thread.currentThread().setContextClassLoader(both);
            assertEquals(2, OracleData.roots().size());
            assertEquals(file.toRealPath(), OracleData.file("only-here.txt").toRealPath());
            assertTrue(Files.exists(OracleData.file("quant/x.f32")));
        }
        try (URLClassLoader none = new URLClassLoader(new URL[0], ClassLoader.getPlatformClassLoader())) {
            Thread.currentThread().setContextClassLoader(none);
            assertThrows(IllegalStateException.class, OracleData::roots);
        }
    }

    @Test
    void aFileCutInTheMiddleOfANumberIsAnError() throws IOException {
        Path file = Files.write(temp.resolve("cut.f32"), new byte[7]);
        String message = assertThrows(IllegalArgumentException.class, () -> OracleData.f32(file)).getMessage();
        assertTrue(message.contains("cut.f32") && message.contains("7 bytes"), message);
        assertThrows(IllegalArgumentException.class, () -> OracleData.f64(file));
    }

    @Test
    void nmse() {
        assertEquals(0, OracleData.nmse(new float[] {3, 4}, new float[] {3, 4}));
        assertEquals(1.0 / 25, OracleData.nmse(new float[] {3, 5}, new float[] {3, 4}), 1e-12);
        assertEquals(0, OracleData.nmse(new float[] {0}, new float[] {0}));
        assertEquals(Double.POSITIVE_INFINITY, OracleData.nmse(new float[] {1}, new float[] {0}));
        assertTrue(Double.isNaN(OracleData.nmse(new float[] {Float.NaN}, new float[] {1})));
        assertThrows(IllegalArgumentException.class, () -> OracleData.nmse(new float[1], new float[2]));
        assertThrows(IllegalArgumentException.class, () -> OracleData.nmse(new float[0], new float[0]));
    }
}
