package org.crema.backend.vulkan;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.crema.kernels.gpu.Kernels;
import org.crema.kernels.quant.QuantType;

/** The shaders that were compiled when this module was built. */
final class Spirv {
    private static final String FOLDER = "spirv/";
    private static final String COMMON = "/org/crema/kernels/device/common.glsl";
    private static final Pattern CONSTANT = Pattern.compile("layout\\(constant_id = (\\d+)\\) const (?:uint|bool) (\\w+)");
    /** Every type that has a decode function has this kernel. */
    private static final String OF_ANY_TYPE = "matmul/matvec1";
    private static final String OF_INT8 = "matmul/matvec1_i8";

    private static final Map<String, Integer> CONSTANTS = constants();

    private Spirv() {}

    /** Ids of the numbers that pipelines are made for, by name. */
    static Map<String, Integer> constantIds() {
        return CONSTANTS;
    }

    private static Map<String, Integer> constants() {
        try (InputStream in = Kernels.class.getResourceAsStream(COMMON)) {
            if (in == null) {
                throw new IllegalStateException(
                        "kernel source " + COMMON + " is missing: the jar of crema-kernels is incomplete");
            }
            Map<String, Integer> ids = new HashMap<>();
            Matcher matcher = CONSTANT.matcher(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            while (matcher.find()) {
                ids.put(matcher.group(2), Integer.valueOf(matcher.group(1)));
            }
            return Map.copyOf(ids);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read kernel source " + COMMON, e);
        }
    }

    /** Whether there are kernels for tensors of a type. */
    static boolean decodes(QuantType type) {
        return Spirv.class.getResource(file(OF_ANY_TYPE, "", Optional.of(type))) != null;
    }

    /** Whether tensors of a type can be multiplied by activations in int8. */
    static boolean int8(QuantType type) {
        return Spirv.class.getResource(file(OF_INT8, "", Optional.of(type))) != null;
    }

    /**
     * The code of a kernel.
     *
     * @param variants those that the device can run, as in {@code // variants:}
     */
    static byte[] of(Kernels kernels, String entry, List<String> variants) {
        String path = kernels.file().substring(0, kernels.file().lastIndexOf('/') + 1) + entry;
        String file = variants.stream().map(variant -> file(path, "." + variant, kernels.type())).filter(name -> Spirv.class
                .getResource(name) != null).findFirst().orElse(file(path, "", kernels.type()));
        try (InputStream in = Spirv.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("shader " + file + " is missing: the jar of crema-backend-vulkan is incomplete");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read shader " + file, e);
        }
    }

    private static String file(String path, String variant, Optional<QuantType> type) {
        return FOLDER + path + variant + type.map(t -> "." + t).orElse("") + ".spv";
    }
}
