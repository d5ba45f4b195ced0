#define NB 4
#include "matmul/matvec.glsl"
