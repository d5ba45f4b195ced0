// What products with weights are made of in `fast`: 1024 multiply-adds of a work-item a turn, by matrices of a subgroup or in integers where
// kernels use them, else in floats.
// variants: COOPMAT DOT8
#if defined(COOPMAT)
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#elif defined(DOT8)
#extension GL_EXT_integer_dot_product : require
#endif
PARAMETERS(uint turns;);

#ifdef COOPMAT
const uint PART = 16;
const uint CHAINS = 4;

void main() {
    coopmat<float16_t, gl_ScopeSubgroup, PART, PART, gl_MatrixUseA> a = coopmat<float16_t, gl_ScopeSubgroup, PART, PART,
            gl_MatrixUseA>(float16_t(0.01 + load(0)));
    coopmat<float16_t, gl_ScopeSubgroup, PART, PART, gl_MatrixUseB> b = coopmat<float16_t, gl_ScopeSubgroup, PART, PART,
            gl_MatrixUseB>(float16_t(0.01 + load(0)));
    coopmat<float, gl_ScopeSubgroup, PART, PART, gl_MatrixUseAccumulator> x[CHAINS];
    [[unroll]] for (uint i = 0; i < CHAINS; i++) {
        x[i] = coopmat<float, gl_ScopeSubgroup, PART, PART, gl_MatrixUseAccumulator>(float(i));
    }
    // A product has 16 x 16 x 16 multiply-adds.
    for (uint n = 0; n < turns * gl_SubgroupSize / 4 / CHAINS; n++) {
        [[unroll]] for (uint i = 0; i < CHAINS; i++) {
            x[i] = coopMatMulAdd(a, b, x[i]);
        }
    }
    const float sum = x[0][0] + x[1][0] + x[2][0] + x[3][0];
#else
#ifdef DOT8
#define CHAIN ivec4
#define STEPS 4
#define NEXT(v, f) ivec4(v.x + dotPacked4x8EXT(f.x, v.x), v.y + dotPacked4x8EXT(f.y, v.y), v.z + dotPacked4x8EXT(f.z, v.z), \
            v.w + dotPacked4x8EXT(f.w, v.w))
#else
#define CHAIN vec4
#define STEPS 16
#define NEXT(v, f) fma(v, f, f)
#endif
const uint CHAINS = 16;

void main() {
    const CHAIN w = CHAIN(0.5 + load(0));
    CHAIN x[CHAINS];
    [[unroll]] for (uint i = 0; i < CHAINS; i++) {
        x[i] = w + CHAIN(i);
    }
    for (uint turn = 0; turn < turns; turn++) {
        [[unroll]] for (uint s = 0; s < STEPS; s++) {
            [[unroll]] for (uint i = 0; i < CHAINS; i++) {
                x[i] = NEXT(x[i], w);
            }
        }
    }
    CHAIN all = x[0];
    [[unroll]] for (uint i = 1; i < CHAINS; i++) {
        all += x[i];
    }
    const float sum = float(all.x + all.y + all.z + all.w);
#endif
    if (sum == -1) {
        store(gl_GlobalInvocationID.x, sum);
    }
}
