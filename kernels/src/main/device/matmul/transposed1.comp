#define NB 1
#include "matmul/transposed.glsl"
