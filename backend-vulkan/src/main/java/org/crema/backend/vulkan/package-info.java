/**
 * Runs programs on Vulkan 1.2 devices. Kernels are compute shaders of {@code kernels/src/main/device}, compiled to SPIR-V when this
 * module is built; an executable is a list of command buffers that are recorded once for each shape of step and replayed.
 */
package org.crema.backend.vulkan;
