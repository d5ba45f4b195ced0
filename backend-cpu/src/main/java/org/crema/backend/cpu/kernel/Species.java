package org.crema.backend.cpu.kernel;

import jdk.incubator.vector.FloatVector;

/** The vector width that the kernels of this JVM use. */
public final class Species {
    /** System property that forces the width: 128, 256 or 512 bits. */
    public static final String PROPERTY = "crema.vector.bits";

    /** Floats in a vector: 4, 8 or 16. */
    public static final int LANES = lanes(System.getProperty(PROPERTY));

    private Species() {}

    static int lanes(String forced) {
        if (forced == null || forced.isEmpty()) {
            return Math.clamp(FloatVector.SPECIES_PREFERRED.length(), 4, 16);
        }
        return switch (forced) {
            case "128" -> 4;
            case "256" -> 8;
            case "512" -> 16;
            default -> throw new IllegalArgumentException(
                    "-D" + PROPERTY + "=" + forced + " is no vector width; use 128, 256 or 512");
        };
    }
}
