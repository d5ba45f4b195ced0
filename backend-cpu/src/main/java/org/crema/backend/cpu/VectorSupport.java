package org.crema.backend.cpu;

/** Whether and how wide vectors can be used; read once. */
final class VectorSupport {
    /** Bits per vector: 128, 256 or 512 force a width, 0 turns vectors off, unset is the machine's own choice. */
    static final String PROPERTY = "crema.vector.bits";

    /** The forced width in bits; 0 for no vectors, -1 for the machine's choice. */
    static final int FORCED = forced(System.getProperty(PROPERTY, ""));

    /** Whether the incubator module is there and not turned off. */
    static final boolean PRESENT = FORCED != 0 && module();

    private VectorSupport() {}

    private static boolean module() {
        return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    }

    /** In words: how wide, or why not at all. */
    static String describe(int bits) {
        if (PRESENT) {
            return bits + " bits";
        }
        return FORCED == 0
                ? "off (" + PROPERTY + "=0)"
                : "off: the JVM was started without --add-modules jdk.incubator.vector; everything is several times slower";
    }

    private static int forced(String text) {
        return switch (text) {
            case "" -> -1;
            case "0", "128", "256", "512" -> Integer.parseInt(text);
            default -> throw new IllegalArgumentException(PROPERTY + " must be 0, 128, 256 or 512, not " + text);
        };
    }
}
