#extension GL_EXT_integer_dot_product : require
#define INT8
#define NB 1
#include "matmul/matvec.glsl"
