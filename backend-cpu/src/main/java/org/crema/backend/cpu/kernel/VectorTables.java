package org.crema.backend.cpu.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;
import org.crema.kernels.quant.Codebook;

/** Constants of the kernels that are vectors; {@link SoftTables} has the same names. */
final class VectorTables {
    /** Sixteen levels as bytes. */
    static final ByteVector IQ4NL_BYTES = ByteVector.fromArray(ByteVector.SPECIES_128, Codebook.KVALUES_IQ4NL.bytes(), 0);
    static final ByteVector MXFP4_BYTES = ByteVector.fromArray(ByteVector.SPECIES_128, Codebook.KVALUES_MXFP4.bytes(), 0);

    private VectorTables() {}

    /** Address of a vector of any width, full of a number of 32 bits. */
    static long repeated(int bits) {
        MemorySegment vector = Arena.global().allocate(64, 64);
        for (long at = 0; at < vector.byteSize(); at += Integer.BYTES) {
            vector.set(ValueLayout.JAVA_INT, at, bits);
        }
        return vector.address();
    }

    /** The bits of sixteen floats as the lanes of a vector. */
    static IntVector floatBits(VectorSpecies<Integer> species, float[] values) {
        return IntVector.fromArray(species, Tables.bits(values), 0);
    }
}
