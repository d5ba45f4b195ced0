package org.crema.backend.cpu.gen;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.crema.kernels.quant.QuantType;

/** Writes the sources of the CPU kernels. Argument: the folder for generated sources. */
public final class Generate {
    static final String PACKAGE = "org.crema.backend.cpu.kernel";
    static final String ANNOTATION = "@Generated(\"org.crema.backend.cpu.gen.Generate\")";
    static final int[] LANES = {4, 8, 16};

    private Generate() {}

    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            throw new IllegalArgumentException("expected one argument, the folder for generated sources, but got " + args.length);
        }
        Path folder = Path.of(args[0]).resolve(PACKAGE.replace('.', '/'));
        Files.createDirectories(folder);
        for (Map.Entry<String, String> source : sources().entrySet()) {
            Path file = folder.resolve(source.getKey() + ".java");
            // an unchanged file keeps its time, so that nothing is compiled anew for it
            if (!Files.exists(file) || !Files.readString(file).equals(source.getValue())) {
                Files.writeString(file, source.getValue());
            }
        }
    }

    /** Sources by class name. */
    static Map<String, String> sources() {
        Map<String, String> sources = new TreeMap<>();
        for (int lanes : LANES) {
            Packings packings = new Packings();
            formats(lanes).forEach((type, format) -> {
                if (lanes <= format.widest()) {
                    sources.putAll(new Kernel(format, lanes).sources(packings));
                }
            });
            sources.put("Packings" + lanes, packings.source(lanes));
            sources.put("MicroKernels" + lanes, MicroKernels.source(lanes));
        }
        sources.put("GeneratedKernels", registry());
        return sources;
    }

    static Map<QuantType, Format> formats(int lanes) {
        List<Format> formats = new ArrayList<>(Plain.formats(lanes));
        formats.addAll(SmallBlocks.formats());
        formats.addAll(KQuants.formats());
        formats.addAll(Grids.formats());
        Map<QuantType, Format> byType = new LinkedHashMap<>();
        for (QuantType type : QuantType.values()) {
            formats.stream().filter(format -> format.type() == type).findFirst().ifPresentOrElse(format -> byType.put(type, format), () -> {
                throw new IllegalStateException(type + " has no format");
            });
        }
        return byType;
    }

    private static String registry() {
        Text text = new Text();
        text.line(0, "package " + PACKAGE + ";");
        text.blank();
        text.line(0, "import javax.annotation.processing.Generated;");
        text.line(0, "import org.crema.kernels.quant.QuantType;");
        text.blank();
        text.line(0, "/** All generated classes. */");
        text.line(0, ANNOTATION);
        text.line(0, "final class GeneratedKernels {");
        text.line(1, "private GeneratedKernels() {}");
        text.blank();
        byType(text, "MatKernel kernel(QuantType type, int lanes, Tuning tuning)", "", "tuning");
        text.blank();
        byType(text, "SoftKernel soft(QuantType type, int lanes)", "Soft", "");
        text.blank();
        text.line(1, "static MicroKernels microKernels(int lanes) {");
        text.line(2, "return switch (lanes) {");
        for (int lanes : LANES) {
            text.line(3, "case " + lanes + " -> new MicroKernels" + lanes + "();");
        }
        text.line(3, "default -> throw new IllegalArgumentException(\"no kernels for vectors of \" + lanes + \" floats\");");
        text.line(2, "};");
        text.line(1, "}");
        text.line(0, "}");
        return text.toString();
    }

    private static void byType(Text text, String signature, String prefix, String arguments) {
        text.line(1, "static " + signature + " {");
        text.line(2, "return switch (lanes) {");
        for (int lanes : LANES) {
            text.line(3, "case " + lanes + " -> switch (type) {");
            formats(lanes).forEach((type, format) -> text.line(4, "case " + type + " -> new " + prefix
                    + Kernel.className(format, Math.min(lanes, format.widest())) + "(" + arguments + ");"));
            text.line(3, "};");
        }
        text.line(3, "default -> throw new IllegalArgumentException(\"no kernels for vectors of \" + lanes + \" floats\");");
        text.line(2, "};");
        text.line(1, "}");
    }
}
