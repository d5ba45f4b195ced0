#define NB 1
#define SUMMED
#include "matmul/matvec.glsl"
