package org.crema.backend.vulkan.gen;

import static org.lwjgl.util.shaderc.Shaderc.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.crema.kernels.quant.Codebook;
import org.crema.kernels.quant.QuantType;
import org.lwjgl.system.Configuration;

/**
 * Compiles the compute shaders to SPIR-V; a warning is an error. Arguments: the folder of device sources, the folder to write to.
 *
 * <p>A file {@code NAME.comp} becomes {@code NAME.spv}; if it reads weights, {@code NAME.TYPE.spv} for each type with a decode
 * function in {@code quant/}, or, if it defines {@code INT8}, with one for packed codes. For each word after {@code // variants:} it is compiled once more, with that word defined, to
 * {@code NAME.WORD.spv}. An included file is put in place here: {@code quant/QUANT} is what the type at hand is decoded with,
 * {@code codebook/TABLE} is written from {@link Codebook}.
 */
public final class CompileShaders {
    private static final String COMMON = "common.glsl";
    private static final String VARIANTS = "// variants:";
    private static final String QUANT = "quant/QUANT";
    private static final String DECODE = "weights16 %s_decode16(";
    private static final String CODES = "codes32 %s_codes32(";
    /** Of shaders that take activations in int8. */
    private static final String INT8 = "#define INT8\n";
    private static final String READ = "quant/read.glsl";

    private final Path sources;
    private final Path target;
    private final long compiler = shaderc_compiler_initialize();
    private final Set<Path> written = new LinkedHashSet<>();

    private CompileShaders(Path sources, Path target) {
        this.sources = sources;
        this.target = target;
    }

    public static void main(String[] args) throws IOException {
        if (args.length != 2) {
            throw new IllegalArgumentException("expected two arguments, the folder of device sources and the one to write to, but got "
                    + args.length);
        }
        // Otherwise LWJGL prints a warning of the JDK.
        Configuration.MEMORY_BACKEND.set("ffm");
        new CompileShaders(Path.of(args[0]), Path.of(args[1])).compileAll();
    }

    private void compileAll() throws IOException {
        for (Path file : files(sources, ".comp")) {
            String name = sources.relativize(file).toString().replace('\\', '/').replace(".comp", "");
            List<String> variants = new ArrayList<>(List.of(""));
            for (String line : Files.readAllLines(file)) {
                if (line.startsWith(VARIANTS)) {
                    variants.addAll(List.of(line.substring(VARIANTS.length()).trim().split(" ")));
                }
            }
            for (String variant : variants) {
                String suffix = variant.isEmpty() ? "" : "." + variant;
                String text = source(name, variant, Optional.empty());
                if (!text.contains(QUANT)) {
                    compile(name + suffix, text);
                    continue;
                }
                String function = text.contains(INT8) ? CODES : DECODE;
                for (QuantType type : QuantType.values()) {
                    if (family(type, function).isPresent()) {
                        compile(name + suffix + "." + type, source(name, variant, Optional.of(type)));
                    }
                }
            }
        }
        shaderc_compiler_release(compiler);
        // What there is no source for any more.
        for (Path file : files(target, ".spv")) {
            if (!written.contains(file)) {
                Files.delete(file);
            }
        }
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(file -> file.toString().endsWith(ending)).sorted().toList();
        }
    }

    /** The text of a shader; without a type, what decodes stays an include. */
    private String source(String name, String variant, Optional<QuantType> type) throws IOException {
        StringBuilder text = new StringBuilder();
        expand(COMMON, type, text, new ArrayDeque<>());
        if (!variant.isEmpty()) {
            text.append("#define ").append(variant).append('\n');
        }
        type.ifPresent(t -> text.append("#define QUANT ").append(t).append('\n'));
        expand(name + ".comp", type, text, new ArrayDeque<>());
        return text.toString();
    }

    /** The file with one of a type's functions. */
    private Optional<String> family(QuantType type, String function) throws IOException {
        for (Path file : files(sources.resolve("quant"), ".glsl")) {
            if (Files.readString(file).contains(function.formatted(type))) {
                return Optional.of("quant/" + file.getFileName());
            }
        }
        return Optional.empty();
    }

    private void expand(String file, Optional<QuantType> type, StringBuilder text, Deque<String> within) throws IOException {
        if (within.contains(file)) {
            throw new IllegalStateException("shader source " + file + " includes itself: " + within);
        }
        within.push(file);
        int line = 0;
        // Nothing may come before the version.
        boolean marked = file.equals(COMMON);
        for (String row : Files.readAllLines(sources.resolve(file))) {
            line++;
            if (!row.startsWith("#include \"")) {
                if (!marked) {
                    text.append("#line ").append(line).append(" \"").append(file).append("\"\n");
                    marked = true;
                }
                text.append(row).append('\n');
                continue;
            }
            marked = false;
            String name = row.substring(row.indexOf('"') + 1, row.lastIndexOf('"'));
            if (name.equals(QUANT)) {
                if (type.isPresent()) {
                    expand(READ, type, text, within);
                    expand(family(type.get(), DECODE).orElseThrow(), type, text, within);
                } else {
                    text.append(row).append('\n');
                }
            } else if (name.startsWith("codebook/")) {
                text.append(table(Codebook.valueOf(name.substring(name.indexOf('/') + 1))));
            } else {
                expand(name, type, text, within);
            }
        }
        within.pop();
    }

    /** A table of bytes as words, the first byte lowest. */
    private static String table(Codebook book) {
        if (book.pointBytes() != 1) {
            throw new IllegalStateException(book + " has points of " + book.pointBytes() + " bytes; shaders take tables of one byte");
        }
        ByteBuffer bytes = ByteBuffer.wrap(book.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        StringBuilder text = new StringBuilder();
        while (bytes.hasRemaining()) {
            text.append(text.isEmpty() ? "" : ", ").append(Integer.toUnsignedString(bytes.getInt())).append('u');
        }
        return "const uint " + book + "[" + book.points() / Integer.BYTES + "] = {" + text + "};\n";
    }

    private void compile(String name, String text) throws IOException {
        long options = shaderc_compile_options_initialize();
        shaderc_compile_options_set_target_env(options, shaderc_target_env_vulkan, shaderc_env_version_vulkan_1_2);
        shaderc_compile_options_set_optimization_level(options, shaderc_optimization_level_performance);
        shaderc_compile_options_set_warnings_as_errors(options);
        long result = shaderc_compile_into_spv(compiler, text, shaderc_compute_shader, name, "main", options);
        try {
            if (shaderc_result_get_compilation_status(result) != shaderc_compilation_status_success) {
                throw new IllegalStateException("shader " + name + " does not compile:\n" + shaderc_result_get_error_message(
                        result));
            }
            ByteBuffer code = shaderc_result_get_bytes(result);
            byte[] bytes = new byte[code.remaining()];
            code.get(bytes);
            Path file = target.resolve(name + ".spv");
            Files.createDirectories(file.getParent());
            Files.write(file, bytes);
            written.add(file);
        } finally {
            shaderc_result_release(result);
            shaderc_compile_options_release(options);
        }
    }
}
