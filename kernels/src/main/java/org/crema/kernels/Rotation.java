package org.crema.kernels;

import java.util.List;

/**
 * A rotary position embedding: pair i of a head is turned by {@code position * frequencies[i]} radians and scaled by
 * {@code magnitude}. RoFormer, arXiv 2104.09864; the frequencies hold whatever scaling (linear, YaRN, Llama 3) the model has.
 *
 * @param pairing which columns make a pair
 * @param frequencies radians per position, one for each pair
 * @param magnitude factor on the rotated values; 1 for DeepSeek
 */
public record Rotation(Pairing pairing, List<Double> frequencies, float magnitude) {
    /** Which columns are turned together. */
    public enum Pairing {
        /** Columns 2i and 2i+1 (GGML's NORM). */
        ADJACENT,
        /** Columns i and i + dims/2 (GGML's NEOX). */
        HALVES
    }

    public Rotation {
        frequencies = List.copyOf(frequencies);
        if (frequencies.isEmpty()) {
            throw new IllegalArgumentException("a rotation needs at least one frequency");
        }
    }

    /** Columns that are turned. */
    public int dims() {
        return 2 * frequencies.size();
    }
}
