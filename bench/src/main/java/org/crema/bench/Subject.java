package org.crema.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.crema.Crema;
import org.crema.kernels.quant.QuantType;
import org.crema.model.arch.Architecture;
import org.crema.model.arch.ArchitectureOptions;
import org.crema.model.arch.ModelGraph;
import org.crema.model.gguf.GgufFile;
import org.crema.model.gguf.GgufTensor;

/**
 * A model under test, and what a record says about it. Owns the memory of its tensors.
 *
 * @param file its file's name, or that of what made it
 * @param type architecture, size and tensor types in a few words
 * @param note what else a reader must know; often empty
 * @param hash see {@link #hash(GgufFile)}
 * @param bytes of all tensors
 * @param parameters weights in all tensors
 * @param types bytes by tensor type
 * @param graph its program
 * @param memory what to close
 */
public record Subject(String file, String type, String note, String hash, long bytes, long parameters, Map<QuantType, Long> types,
        ModelGraph graph, AutoCloseable memory) implements AutoCloseable {
    /** Bytes of each tensor's start and end that go into the hash. */
    private static final int SAMPLE = 4096;

    /**
     * Opens a file, or all shards of the set that it belongs to.
     *
     * @throws IOException if it cannot be read
     * @throws org.crema.model.gguf.GgufException if it is damaged or its model is not supported
     */
    public static Subject open(Path path) throws IOException {
        GgufFile gguf = GgufFile.open(path);
        try {
            return of(path.getFileName().toString(), "", gguf, gguf);
        } catch (RuntimeException e) {
            gguf.close();
            throw e;
        }
    }

    /** The embedded model. */
    public static Subject embedded() throws IOException {
        Arena arena = Arena.ofShared();
        try {
            GgufFile gguf = Crema.tinyCoderFile(arena);
            return of(gguf.name(), "", gguf, () -> {
                gguf.close();
                arena.close();
            });
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The model of a file that is open. */
    static Subject of(String name, String note, GgufFile gguf, AutoCloseable memory) {
        Map<QuantType, Long> types = new EnumMap<>(QuantType.class);
        long parameters = 0;
        for (GgufTensor tensor : gguf.tensors()) {
            types.merge(tensor.type(), tensor.bytes(), Long::sum);
            parameters += tensor.elements();
        }
        long bytes = types.values().stream().mapToLong(Long::longValue).sum();
        return new Subject(name, describe(gguf, types, parameters), note, hash(gguf), bytes, parameters, types,
                Architecture.of(gguf, ArchitectureOptions.DEFAULT), memory);
    }

    private static String describe(GgufFile gguf, Map<QuantType, Long> types, long parameters) {
        Optional<String> label = gguf.metadata().string("general.size_label");
        String most = types.entrySet().stream().max(Map.Entry.comparingByValue()).map(e -> e.getKey().name()).orElse("");
        return gguf.metadata().requireString("general.architecture") + " " + label.orElseGet(() -> count(parameters)) + " "
                + most;
    }

    private static String count(long parameters) {
        return parameters < 1_000_000_000
                ? String.format(Locale.ROOT, "%.2fM", parameters / 1e6)
                : String.format(Locale.ROOT, "%.2fB", parameters / 1e9);
    }

    /**
     * Tells models apart without reading all of them: the start of the SHA-256 of every tensor's name, type, dimensions, and first
     * and last {@value #SAMPLE} bytes, in file order.
     */
    static String hash(GgufFile gguf) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (GgufTensor tensor : gguf.tensors()) {
                digest.update(
                        (tensor.name() + " " + tensor.type() + " " + tensor.dims() + "\n").getBytes(StandardCharsets.UTF_8));
                MemorySegment data = tensor.data();
                long sample = Math.min(SAMPLE, data.byteSize());
                digest.update(data.asSlice(0, sample).toArray(ValueLayout.JAVA_BYTE));
                digest.update(data.asSlice(data.byteSize() - sample, sample).toArray(ValueLayout.JAVA_BYTE));
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    @Override
    public void close() {
        try {
            memory.close();
        } catch (Exception e) {
            throw new IllegalStateException("the memory of " + file + " could not be freed", e);
        }
    }
}
