#define NB 1
#include "matmul/matvec.glsl"
