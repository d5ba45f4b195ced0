#extension GL_EXT_integer_dot_product : require
#define INT8
#define NB 1
#define GATED
#include "matmul/matvec.glsl"
