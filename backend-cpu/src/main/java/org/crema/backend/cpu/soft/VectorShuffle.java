package org.crema.backend.cpu.soft;

/**
 * For each lane, the lane it comes from.
 *
 * @param <E> of what type the lanes are
 */
@SuppressWarnings("UnusedTypeParameter") // the API that this stands in for has it
public final class VectorShuffle<E> {
    final int[] from;

    private VectorShuffle(int[] from) {
        this.from = from;
    }

    public static <E> VectorShuffle<E> fromValues(VectorSpecies<E> species, int... from) {
        if (from.length != species.lanes) {
            throw new IllegalArgumentException(from.length + " values for " + species.lanes + " lanes");
        }
        return new VectorShuffle<>(from.clone());
    }
}
