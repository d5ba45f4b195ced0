package org.crema.backend.cpu.soft;

/**
 * A set of lanes.
 *
 * @param <E> of what type the lanes are
 */
@SuppressWarnings("UnusedTypeParameter") // the API that this stands in for has it
public final class VectorMask<E> {
    final boolean[] set;

    private VectorMask(boolean[] set) {
        this.set = set;
    }

    public static <E> VectorMask<E> fromLong(VectorSpecies<E> species, long bits) {
        boolean[] set = new boolean[species.lanes];
        for (int i = 0; i < set.length; i++) {
            set[i] = (bits >>> i & 1) != 0;
        }
        return new VectorMask<>(set);
    }
}
