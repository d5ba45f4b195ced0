/**
 * Runs programs on OpenCL devices. Kernels are OpenCL C 1.2 from {@code kernels/src/main/device}, built for a device when a program
 * first needs them; an executable is a list of launches whose arguments are set once.
 */
package org.crema.backend.opencl;
