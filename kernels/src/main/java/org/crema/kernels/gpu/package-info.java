/**
 * What the backends of GPUs have in common: how a program becomes {@linkplain org.crema.kernels.gpu.Call calls} of kernels, which
 * work-groups they have, and where everything lies in memory. A backend turns calls into its driver's launches and knows no op.
 */
package org.crema.kernels.gpu;
