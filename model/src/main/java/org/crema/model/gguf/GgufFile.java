package org.crema.model.gguf;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF file, version 2 or 3, or a set of shards: metadata and memory-mapped tensors. Nothing is copied; tensors must not be used
 * after {@link #close}. Thread-safe.
 *
 * <p>Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
public final class GgufFile implements AutoCloseable {
    private static final Pattern SHARD = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

    private final String name;
    private final Arena arena;
    private final List<Shard> shards;
    private final Map<String, GgufTensor> tensors = new LinkedHashMap<>();

    private GgufFile(String name, Arena arena, List<Shard> shards) {
        this.name = name;
        this.arena = arena;
        this.shards = List.copyOf(shards);
        for (Shard shard : shards) {
            for (GgufTensor tensor : shard.tensors()) {
                if (tensors.putIfAbsent(tensor.name(), tensor) != null) {
                    throw new GgufException(shard.file(), -1, "tensor " + tensor.name(),
                            "is in two shards, expected each tensor once");
                }
            }
        }
    }

    /**
     * Opens a file, or all shards of the set that the file belongs to.
     *
     * @throws IOException if a file is missing or cannot be read
     * @throws GgufException if it is not a GGUF file that can be used
     */
    public static GgufFile open(Path path) throws IOException {
        return open(path, false);
    }

    /** As {@link #open(Path)}, but the tensors' data may be absent; they have no data. For planning. */
    public static GgufFile openHeader(Path path) throws IOException {
        return open(path, true);
    }

    /** A file in memory, one that is a resource of a library for instance. The memory must stay for as long as this is used. */
    public static GgufFile open(String displayName, MemorySegment data) {
        Arena none = Arena.ofShared();
        try {
            return new GgufFile(displayName, none, List.of(Shard.read(displayName, data, false)));
        } catch (RuntimeException e) {
            none.close();
            throw e;
        }
    }

    private static GgufFile open(Path path, boolean headerOnly) throws IOException {
        Arena arena = Arena.ofShared();
        try {
            List<Shard> shards = new ArrayList<>();
            for (Path file : files(path, arena)) {
                shards.add(Shard.read(file.toString(), map(file, arena), headerOnly));
            }
            checkSplit(shards);
            return new GgufFile(path.toString(), arena, shards);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The file, or if its metadata says that it is one of several, all of them. */
    private static List<Path> files(Path path, Arena arena) throws IOException {
        Matcher name = SHARD.matcher(path.getFileName() == null ? "" : path.getFileName().toString());
        if (!name.matches()) {
            return List.of(path);
        }
        int count = Integer.parseInt(name.group(3));
        OptionalLong declared = Shard.read(path.toString(), map(path, arena), true).metadata().integer("split.count");
        if (declared.isEmpty()) {
            return List.of(path);
        }
        if (declared.getAsLong() != count) {
            throw new GgufException(path.toString(), -1, "split.count", "found " + declared.getAsLong() + ", but the name says "
                    + count + " shards; rename the file as it was published");
        }
        List<Path> files = new ArrayList<>();
        List<Path> missing = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            Path shard = path.resolveSibling("%s-%05d-of-%05d.gguf".formatted(name.group(1), i, count));
            files.add(shard);
            if (!Files.exists(shard)) {
                missing.add(shard.getFileName());
            }
        }
        if (!missing.isEmpty()) {
            throw new GgufException(path.toString(), -1, "shards",
                    "of " + count + " shards these are missing beside it: " + missing);
        }
        return files;
    }

    private static MemorySegment map(Path file, Arena arena) throws IOException {
        if (Files.isDirectory(file)) {
            throw new GgufException(file.toString(), -1, "file", "is a directory, expected a GGUF file");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        }
    }

    private static void checkSplit(List<Shard> shards) {
        if (shards.size() == 1) {
            long count = shards.get(0).metadata().integer("split.count").orElse(1);
            if (count > 1) {
                throw new GgufException(shards.get(0).file(), -1, "split.count", "found " + count
                        + ", but the name does not end in -00001-of-0000N.gguf, so the other shards cannot be found; rename it");
            }
            return;
        }
        long tensors = 0;
        for (int i = 0; i < shards.size(); i++) {
            GgufMetadata metadata = shards.get(i).metadata();
            long no = metadata.requireInteger("split.no");
            long count = metadata.requireInteger("split.count");
            if (no != i || count != shards.size()) {
                throw new GgufException(shards.get(i).file(), -1, "split.no",
                        "found shard " + no + " of " + count + ", expected " + i
                                + " of " + shards.size() + " by its name");
            }
            tensors += shards.get(i).tensors().size();
        }
        OptionalLong declared = shards.get(0).metadata().integer("split.tensors.count");
        if (declared.isPresent() && declared.getAsLong() != tensors) {
            throw new GgufException(shards.get(0).file(), -1, "split.tensors.count", "found " + declared.getAsLong()
                    + ", but the shards hold " + tensors);
        }
    }

    /** The path that was opened, for messages. */
    public String name() {
        return name;
    }

    /** Format version. */
    public int version() {
        return shards.get(0).version();
    }

    /** Files, first shard first. */
    public List<String> files() {
        return shards.stream().map(Shard::file).toList();
    }

    /** Bytes of all files together. */
    public long bytes() {
        return shards.stream().mapToLong(Shard::bytes).sum();
    }

    /** Metadata; of a set, the first shard's. */
    public GgufMetadata metadata() {
        return shards.get(0).metadata();
    }

    /** Tensors in file order. */
    public List<GgufTensor> tensors() {
        return Collections.unmodifiableList(new ArrayList<>(tensors.values()));
    }

    public Optional<GgufTensor> tensor(String tensorName) {
        return Optional.ofNullable(tensors.get(tensorName));
    }

    /** Unmaps the file. */
    @Override
    public void close() {
        arena.close();
    }
}
