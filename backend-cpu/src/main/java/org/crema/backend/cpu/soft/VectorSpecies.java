package org.crema.backend.cpu.soft;

/**
 * How many elements a vector has.
 *
 * @param <E> of what type
 */
@SuppressWarnings("UnusedTypeParameter") // the API that this stands in for has it
public final class VectorSpecies<E> {
    final int lanes;

    VectorSpecies(int lanes) {
        this.lanes = lanes;
    }
}
