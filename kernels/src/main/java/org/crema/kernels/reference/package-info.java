/**
 * What every op means, in plain scalar Java. Nothing here is quick: a backend is right if it gives the numbers of this package
 * within rounding, and this package is right if it can be checked by reading it beside the Javadoc of {@link org.crema.kernels.Op}.
 */
package org.crema.kernels.reference;
