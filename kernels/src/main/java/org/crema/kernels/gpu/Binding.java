package org.crema.kernels.gpu;

import org.crema.kernels.Cache;
import org.crema.kernels.Weight;

/**
 * Which buffers the arguments of calls stand for.
 *
 * @param <B> a buffer of the binding
 */
public interface Binding<B> {
    B shared(Call.Argument.Shared which);

    B weight(Weight weight);

    B cache(Cache cache);
}
