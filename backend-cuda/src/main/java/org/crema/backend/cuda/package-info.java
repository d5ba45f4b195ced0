/**
 * NVIDIA GPUs through CUDA's driver API. Kernels are PTX, made ahead of time by {@code scripts/cuda-ptx}; the driver is all that a
 * machine needs.
 */
package org.crema.backend.cuda;
