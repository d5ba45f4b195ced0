package org.crema;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.function.Function;
import org.crema.model.gguf.GgufFile;
import org.crema.model.runtime.Devices;
import org.crema.model.tokenizer.Tokenizer;

/**
 * Loads models.
 *
 * <pre>{@code
 * try (Model model = Crema.load(Path.of("coder.gguf"))) {
 *     System.out.println(model.generate("public static int gcd(").text());
 * }
 * }</pre>
 */
public final class Crema {
    private static final String TINY_CODER_NAME = "tiny-coder-Q4_K_M.gguf";
    private static final String TINY_CODER = "/org/crema/tinycoder/" + TINY_CODER_NAME;

    private Crema() {}

    /** Loads a GGUF file, or all shards of the set it belongs to, with the default options. */
    public static Model load(Path file) throws IOException {
        return load(file, ModelOptions.DEFAULT);
    }

    /**
     * Loads a GGUF file, or all shards of the set it belongs to.
     *
     * @throws IOException if a file is missing or cannot be read
     * @throws org.crema.model.gguf.GgufException if the file is damaged or its model is not supported
     * @throws org.crema.kernels.DeviceException if the device is missing or too small
     */
    public static Model load(Path file, ModelOptions options) throws IOException {
        Devices.Search search = Devices.search(options.device());
        GgufFile gguf = GgufFile.open(file);
        return Model.load(gguf, options, gguf, search);
    }

    /** Loads the embedded model, which knows Java and nothing else. Needs the artifact {@code crema-tiny-coder} on the class path. */
    public static Model tinyCoder(ModelOptions options) throws IOException {
        Devices.Search search = Devices.search(options.device());
        Arena arena = Arena.ofShared();
        try {
            GgufFile file = tinyCoderFile(arena);
            return Model.load(file, options, () -> {
                file.close();
                arena.close();
            }, search);
        } catch (IOException | RuntimeException e) {
            if (arena.scope().isAlive()) {
                arena.close();
            }
            throw e;
        }
    }

    /** The tokenizer of a file, without its model. */
    public static Tokenizer tokenizer(Path file) throws IOException {
        try (GgufFile gguf = GgufFile.openHeader(file)) {
            return Tokenizer.of(gguf.metadata());
        }
    }

    /** Works on the file of the embedded model, which is gone afterwards. */
    public static <T> T withTinyCoderFile(Function<GgufFile, T> work) throws IOException {
        try (Arena arena = Arena.ofShared(); GgufFile file = tinyCoderFile(arena)) {
            return work.apply(file);
        }
    }

    /** The file of the embedded model, in memory of this arena; close the file before the arena. */
    public static GgufFile tinyCoderFile(Arena arena) throws IOException {
        return GgufFile.open(TINY_CODER_NAME, tinyCoderData(arena));
    }

    private static MemorySegment tinyCoderData(Arena arena) throws IOException {
        try (InputStream in = Crema.class.getResourceAsStream(TINY_CODER)) {
            if (in == null) {
                throw new IOException("the embedded model is not on the class path; add the artifact crema-tiny-coder");
            }
            byte[] bytes = in.readAllBytes();
            MemorySegment data = arena.allocate(bytes.length, 64);
            MemorySegment.copy(bytes, 0, data, ValueLayout.JAVA_BYTE, 0, bytes.length);
            return data;
        }
    }
}
