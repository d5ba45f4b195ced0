#define NB 1
#define GATED
#include "matmul/matvec.glsl"
