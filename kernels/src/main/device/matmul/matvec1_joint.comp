#define NB 1
#define JOINT
#include "matmul/matvec.glsl"
