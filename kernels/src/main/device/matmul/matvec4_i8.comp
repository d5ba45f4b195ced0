#extension GL_EXT_integer_dot_product : require
#define INT8
#define NB 4
#include "matmul/matvec.glsl"
