package org.crema.backend.opencl;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import org.crema.kernels.gpu.Kernels;
import org.crema.kernels.quant.Codebook;
import org.crema.kernels.quant.QuantType;

/**
 * Kernel sources as one text: included files are put in place here, since a driver knows no class path, and the codebooks are
 * written from {@link Codebook}.
 */
final class Sources {
    private static final String FOLDER = "/org/crema/kernels/device/";
    private static final List<String> FAMILIES = List.of("plain", "legacy", "k", "iq1", "iq2", "iq3", "iq4", "fp4", "ternary");

    private Sources() {}

    /** A file with all it includes, after the common header. */
    static String of(String file) {
        return expand("common.clh") + expand(file);
    }

    /** The text of kernels, with the decode function of their type. */
    static String of(Kernels kernels) {
        String decode = kernels.type().map(type -> expand(family(type).orElseThrow(() -> new IllegalArgumentException(
                "no decode function for " + type)))).orElse("");
        return expand("common.clh") + decode + expand(kernels.file() + ".cl");
    }

    /** What kernels are built with. */
    static String defines(Kernels kernels) {
        StringBuilder defines = new StringBuilder();
        kernels.type().ifPresent(type -> defines.append(" -DQUANT=").append(type.name()));
        new TreeMap<>(kernels.constants()).forEach((name, value) -> defines.append(" -D").append(name).append('=').append(value));
        return defines.toString();
    }

    /** Whether there is a decode function for a type. */
    static boolean decodes(QuantType type) {
        return family(type).isPresent();
    }

    /** Whether there is a function that multiplies weights of a type with activations in int8. */
    static boolean dots(QuantType type) {
        return family(type).filter(file -> read(file).contains("float " + type.name() + "_dot32(")).isPresent();
    }

    /** Whether mat-vecs of a type can make activations int8 themselves. */
    static boolean dotsWide(QuantType type) {
        return family(type).filter(file -> read(file).contains("uchar64 " + type.name() + "_codes64(")).isPresent();
    }

    /** The file with a type's decode function. */
    private static Optional<String> family(QuantType type) {
        return FAMILIES.stream().map(name -> "quant/" + name + ".clh").filter(file -> read(file).contains("float16 " + type.name()
                + "_decode16(")).findFirst();
    }

    private static String expand(String file) {
        StringBuilder text = new StringBuilder();
        expand(file, text, new ArrayDeque<>());
        return text.toString();
    }

    private static void expand(String file, StringBuilder text, Deque<String> within) {
        if (within.contains(file)) {
            throw new IllegalStateException("kernel source " + file + " includes itself: " + within);
        }
        within.push(file);
        int line = 1;
        text.append("#line 1 \"").append(file).append("\"\n");
        for (String row : read(file).lines().toList()) {
            line++;
            if (row.startsWith("#include \"")) {
                String name = row.substring(row.indexOf('"') + 1, row.lastIndexOf('"'));
                if (name.startsWith("codebook/")) {
                    text.append(table(Codebook.valueOf(name.substring(name.indexOf('/') + 1))));
                } else {
                    expand(name, text, within);
                }
                text.append("#line ").append(line).append(" \"").append(file).append("\"\n");
            } else {
                text.append(row).append('\n');
            }
        }
        within.pop();
    }

    /** A point is one little-endian number, so that it takes one load. */
    private static String table(Codebook book) {
        byte[] bytes = book.bytes();
        String type = switch (book.pointBytes()) {
            case 1 -> "char";
            case 4 -> "uint";
            case 8 -> "ulong";
            default -> throw new IllegalStateException(book + " has points of " + book.pointBytes() + " bytes");
        };
        StringBuilder text = new StringBuilder("__constant const " + type + " " + book.name() + "[" + book.points() + "] = {\n");
        for (int point = 0; point < book.points(); point++) {
            if (book.pointBytes() == 1) {
                text.append(bytes[point]);
            } else {
                text.append("0x");
                for (int i = book.pointBytes() - 1; i >= 0; i--) {
                    text.append(String.format(Locale.ROOT, "%02x", bytes[point * book.pointBytes() + i]));
                }
                text.append(book.pointBytes() == 8 ? "UL" : "u");
            }
            text.append(point % 8 == 7 ? ",\n" : ",");
        }
        return text.append("};\n").toString();
    }

    private static String read(String file) {
        try (InputStream in = Sources.class.getResourceAsStream(FOLDER + file)) {
            if (in == null) {
                throw new IllegalStateException("kernel source " + file + " is missing: the jar of crema-kernels is incomplete");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read kernel source " + file, e);
        }
    }
}
