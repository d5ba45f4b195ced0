package org.crema.backend.cpu.kernel;

import org.crema.backend.cpu.soft.ByteVector;
import org.crema.backend.cpu.soft.IntVector;
import org.crema.backend.cpu.soft.VectorSpecies;
import org.crema.backend.cpu.soft.Window;
import org.crema.kernels.quant.Codebook;

/** Constants of the soft kernels that are vectors; {@link VectorTables} has the same names. */
final class SoftTables {
    /** Sixteen levels as bytes. */
    static final ByteVector IQ4NL_BYTES = ByteVector.fromArray(ByteVector.SPECIES_128, Codebook.KVALUES_IQ4NL.bytes(), 0);
    static final ByteVector MXFP4_BYTES = ByteVector.fromArray(ByteVector.SPECIES_128, Codebook.KVALUES_MXFP4.bytes(), 0);

    private SoftTables() {}

    /** Address, in a window, of a vector of any width, full of a number of 32 bits. */
    static long repeated(int bits) {
        return Window.repeated(bits);
    }

    /** The bits of sixteen floats as the lanes of a vector. */
    static IntVector floatBits(VectorSpecies<Integer> species, float[] values) {
        return IntVector.fromArray(species, Tables.bits(values), 0);
    }
}
