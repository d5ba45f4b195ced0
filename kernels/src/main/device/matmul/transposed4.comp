#define NB 4
#include "matmul/transposed.glsl"
