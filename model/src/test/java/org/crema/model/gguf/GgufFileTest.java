package org.crema.model.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.crema.kernels.conformance.OracleData;
import org.crema.kernels.quant.QuantType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class GgufFileTest {
    @TempDir
    private Path folder;

    private static GgufWriter small() {
        return new GgufWriter().put("general.architecture", "test").put("n", 7)
                .tensor("a", QuantType.F32, List.of(4L, 2L), new byte[32])
                .tensor("b", QuantType.Q8_0, List.of(32L), new byte[34]);
    }

    private static GgufFile open(byte[] bytes) {
        return GgufFile.open("test.gguf", MemorySegment.ofArray(bytes));
    }

    private static ByteBuffer edit(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void assertRefused(byte[] bytes, String... words) {
        GgufException e = assertThrows(GgufException.class, () -> open(bytes).close());
        for (String word : words) {
            assertTrue(e.getMessage().contains(word), () -> "\"" + e.getMessage() + "\" should say \"" + word + "\"");
        }
        assertTrue(e.getMessage().startsWith("test.gguf"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void readsWhatWasWritten(int version) {
        for (int alignment : new int[] {8, 32, 4096}) {
            byte[] data = new byte[144 * 2 * 3];
            Arrays.setAll(new int[data.length], i -> data[i] = (byte) i);
            byte[] bytes = new GgufWriter(version, alignment).put("s", "text ü").put("t", true).put("i", 42).put("l", 1L << 40)
                    .put("f", 1.5f)
                    .put("d", 2.5).put("b", (byte) -3).put("h", (short) -300).put("ss", new String[] {"x", "", "yz"})
                    .put("is", new int[] {
                        -1, 2})
                    .put("ls", new long[] {3, 4}).put("fs", new float[] {0.5f}).tensor("one", QuantType.F16, List.of(3L),
                            new byte[6])
                    .tensor("q", QuantType.Q4_K, List.of(256L, 2L, 3L), data).bytes();
            try (GgufFile file = open(bytes)) {
                GgufMetadata m = file.metadata();
                assertEquals(version, file.version());
                assertEquals("text ü", m.requireString("s"));
                assertEquals(true, m.bool("t").orElseThrow());
                assertEquals(42, m.requireInteger("i"));
                assertEquals(1L << 40, m.requireInteger("l"));
                assertEquals(1.5, m.requireNumber("f"));
                assertEquals(2.5, m.requireNumber("d"));
                assertEquals(42, m.requireNumber("i"));
                assertEquals(-3, m.requireInteger("b"));
                assertEquals(-300, m.requireInteger("h"));
                assertArrayEquals(new String[] {"x", "", "yz"}, m.requireStrings("ss"));
                assertArrayEquals(new long[] {-1, 2}, m.integers("is").orElseThrow());
                assertArrayEquals(new long[] {3, 4}, (long[]) m.value("ls"));
                assertArrayEquals(new float[] {0.5f}, m.floats("fs").orElseThrow());
                assertEquals(List.of("one", "q"), file.tensors().stream().map(GgufTensor::name).toList());
                GgufTensor q = file.tensor("q").orElseThrow();
                assertEquals(1536, q.elements());
                assertEquals(0, q.offset() % alignment);
                assertArrayEquals(data, q.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
            }
        }
    }

    @Test
    void saysWhichKindOfValueWasFound() {
        try (GgufFile file = open(small().put("list", new float[] {1}).bytes())) {
            GgufMetadata m = file.metadata();
            assertTrue(assertThrows(GgufException.class, () -> m.string("n")).getMessage()
                    .contains("expected a string, found UINT32"));
            assertTrue(assertThrows(GgufException.class, () -> m.integer("general.architecture")).getMessage().contains(
                    "expected an integer, found STRING"));
            assertTrue(assertThrows(GgufException.class, () -> m.strings("list")).getMessage().contains("array of 1 FLOAT32"));
            assertTrue(assertThrows(GgufException.class, () -> m.requireString("none")).getMessage()
                    .contains("none: expected a string"));
            assertTrue(m.string("none").isEmpty());
        }
    }

    @Test
    void refusesWhatIsNoGguf() {
        assertRefused(new byte[0], "header", "0 bytes");
        assertRefused("not a model at all, just text".getBytes(java.nio.charset.StandardCharsets.UTF_8), "byte 0", "magic",
                "not a GGUF file");
        byte[] old = small().bytes();
        edit(old).putInt(4, 1);
        assertRefused(old, "byte 4", "version", "found 1, expected 2 or 3");
        edit(old).putInt(4, Integer.reverseBytes(3));
        assertRefused(old, "big-endian");
    }

    @Test
    void refusesImpossibleCounts() {
        for (int field : new int[] {8, 16}) {
            for (long count : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 33, 100_000}) {
                byte[] bytes = small().bytes();
                edit(bytes).putLong(field, count);
                assertRefused(bytes, "count", "byte " + field);
            }
        }
    }

    @Test
    void refusesDamagedMetadata() {
        byte[] bytes = small().bytes();
        int key = 24;
        int type = key + 8 + "general.architecture".length();
        edit(bytes).putLong(key, 1L << 62);
        assertRefused(bytes, "byte 24", "key of metadata entry 0");
        byte[] badType = small().bytes();
        edit(badType).putInt(type, 13);
        assertRefused(badType, "general.architecture", "value type 13");
        byte[] nested = small().bytes();
        edit(nested).putInt(type, 9);
        edit(nested).putInt(type + 4, 9);
        assertRefused(nested, "array of arrays");
        byte[] longText = small().bytes();
        edit(longText).putLong(type + 4, Long.MAX_VALUE);
        assertRefused(longText, "general.architecture");
        byte[] twice = small().put("m", 7).bytes();
        int m = new String(twice, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("\u0001\0\0\0\0\0\0\0m") + 8;
        twice[m] = 'n';
        assertRefused(twice, "n: found this key a second time");
        byte[] notText = small().bytes();
        notText[key + 8] = (byte) 0xff;
        assertRefused(notText, "not UTF-8");
        assertRefused(new GgufWriter().put("general.alignment", 48).bytes(), "general.alignment", "found 48", "power of two");
        assertRefused(new GgufWriter().put("general.alignment", 1 << 21).bytes(), "general.alignment");
        assertRefused(new GgufWriter().put("general.alignment", 0).bytes(), "general.alignment");
    }

    /** Where the record of the first tensor of {@link #small} keeps its fields. */
    private static int tensorField(byte[] bytes, int afterName) {
        return new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1).indexOf("\u0001\0\0\0\0\0\0\0a") + 9 + afterName;
    }

    private static byte[] withTensor(Consumer<byte[]> change) {
        byte[] bytes = small().bytes();
        change.accept(bytes);
        return bytes;
    }

    @Test
    void refusesDamagedTensors() {
        assertRefused(withTensor(b -> edit(b).putInt(tensorField(b, 0), 5)), "tensor a", "5 dimensions");
        assertRefused(withTensor(b -> edit(b).putInt(tensorField(b, 0), 0)), "0 dimensions");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 4), 0)), "tensor a", "dimension 0");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 4), -4)), "dimension");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 12), Long.MAX_VALUE / 2)), "more than 2^63");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 12), 1 << 20)), "tensor");
        assertRefused(withTensor(b -> edit(b).putInt(tensorField(b, 20), 4)), "tensor type 4", "Q4_K");
        assertRefused(withTensor(b -> edit(b).putInt(tensorField(b, 20), QuantType.Q4_K.id())), "rows of 4 elements",
                "multiple of 256");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 24), 33)), "data offset 33", "multiple of 32");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 24), -32)), "data offset");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 24), 32)), "inside of tensor");
        assertRefused(withTensor(b -> edit(b).putLong(tensorField(b, 24), 1L << 40)), "tensor a", "not downloaded completely");
        byte[] whole = small().bytes();
        assertRefused(Arrays.copyOf(whole, whole.length - 64), "not downloaded completely");
        assertRefused(new GgufWriter().tensor("x", QuantType.F32, List.of(1L), new byte[4])
                .tensor("x", QuantType.F32, List.of(1L), new byte[4])
                .bytes(), "tensor x", "second time");
    }

    @Test
    void opensHeadersWithoutData() throws IOException {
        Path file = folder.resolve("header.gguf");
        Files.write(file, new GgufWriter().tensor("big", QuantType.Q4_K, List.of(1L << 20, 1L << 20), null).header());
        try (GgufFile gguf = GgufFile.openHeader(file)) {
            assertEquals(MemorySegment.NULL, gguf.tensor("big").orElseThrow().data());
            assertEquals((1L << 40) / 256 * 144, gguf.tensor("big").orElseThrow().bytes());
        }
        assertThrows(GgufException.class, () -> GgufFile.open(file).close());
    }

    @Test
    void readsTensorsBeyondFourGigabytes() throws IOException {
        Path file = folder.resolve("sparse.gguf");
        long columns = 256L << 10;
        byte[] last = {1, 2, 3, 4};
        try {
            new GgufWriter().tensor("hole", QuantType.Q4_K, List.of(columns, 40L << 10), null)
                    .tensor("last", QuantType.F32, List.of(1L), last)
                    .write(file);
        } catch (IOException e) {
            Assumptions.abort("the file system takes no sparse file of 6 GB: " + e.getMessage());
        }
        try (GgufFile gguf = GgufFile.open(file)) {
            assertTrue(gguf.bytes() > 1L << 32);
            assertArrayEquals(last, gguf.tensor("last").orElseThrow().data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void namesMissingFilesAndFolders() {
        assertThrows(NoSuchFileException.class, () -> GgufFile.open(folder.resolve("none.gguf")).close());
        assertTrue(
                assertThrows(GgufException.class, () -> GgufFile.open(folder).close()).getMessage().contains("is a directory"));
    }

    @Test
    void opensSetsFromAnyShardAndChecksThem() throws IOException {
        Path source = OracleData.root().resolve("models");
        List<Path> copies = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            String name = "v2-full-IQ2_XS-split-0000%d-of-00003.gguf".formatted(i);
            copies.add(Files.copy(source.resolve(name), folder.resolve(name)));
        }
        for (Path shard : copies) {
            try (GgufFile file = GgufFile.open(shard)) {
                assertEquals(47, file.tensors().size());
                assertEquals(3, file.files().size());
                assertEquals("deepseek2", file.metadata().requireString("general.architecture"));
            }
        }
        Path whole = source.resolve("v2-full-IQ2_XS.gguf");
        if (Files.exists(whole)) {
            try (GgufFile one = GgufFile.open(whole); GgufFile set = GgufFile.open(copies.get(1))) {
                for (GgufTensor tensor : one.tensors()) {
                    assertEquals(-1, tensor.data().mismatch(set.tensor(tensor.name()).orElseThrow().data()), tensor.name());
                }
            }
        }
        Path renamed = Files.copy(copies.get(0), folder.resolve("alone.gguf"));
        assertTrue(assertThrows(GgufException.class, () -> GgufFile.open(renamed).close()).getMessage().contains("split.count"));
        Files.copy(copies.get(2), copies.get(1), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertTrue(
                assertThrows(GgufException.class, () -> GgufFile.open(copies.get(0)).close()).getMessage().contains("split.no"));
        Files.delete(copies.get(1));
        assertTrue(assertThrows(GgufException.class, () -> GgufFile.open(copies.get(0)).close()).getMessage().contains(
                "missing beside it: [v2-full-IQ2_XS-split-00002-of-00003.gguf]"));
    }

    @TestFactory
    Stream<DynamicTest> opensEveryGoldenFile() {
        List<Path> files = new ArrayList<>();
        for (Path root : OracleData.roots()) {
            for (String kind : List.of("models", "vocab")) {
                try (Stream<Path> all = Files.exists(root.resolve(kind)) ? Files.list(root.resolve(kind)) : Stream.empty()) {
                    all.filter(f -> f.toString().endsWith(".gguf")).forEach(files::add);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        }
        assertTrue(files.size() >= 4, files.toString());
        return files.stream().sorted().map(path -> dynamicTest(path.getFileName().toString(), () -> {
            try (GgufFile file = GgufFile.open(path)) {
                file.metadata().keys().forEach(key -> assertTrue(file.metadata().value(key) != null, key));
                Path json = path.resolveSibling(path.getFileName().toString().replace(".gguf", ".json"));
                JsonNode types = Files.exists(json)
                        ? new ObjectMapper().readTree(Files.readString(json)).get("tensor_types")
                        : null;
                if (types != null) {
                    Map<String, Integer> found = new TreeMap<>();
                    file.tensors().forEach(tensor -> found.merge(tensor.type().toString(), 1, Integer::sum));
                    Map<String, Integer> expected = new TreeMap<>();
                    types.properties().forEach(entry -> expected.put(entry.getKey(), entry.getValue().asInt()));
                    assertEquals(expected, found);
                }
            }
        }));
    }
}
