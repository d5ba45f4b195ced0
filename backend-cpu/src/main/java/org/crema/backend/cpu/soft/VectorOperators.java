package org.crema.backend.cpu.soft;

/** What can be done with vectors. */
public final class VectorOperators {
    public static final int LSHL = 0;
    public static final int LSHR = 1;
    public static final int ASHR = 2;
    public static final int XOR = 3;
    public static final int OR = 8;

    public static final int B2F = 4;
    public static final int ZERO_EXTEND_B2I = 5;
    public static final int S2I = 6;
    public static final int I2F = 7;

    private VectorOperators() {}

    static IllegalArgumentException unknown(int operator, Vector vector) {
        return new IllegalArgumentException("operator " + operator + " is not there for a " + vector.getClass().getSimpleName());
    }
}
