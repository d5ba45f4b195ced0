// Tiles by cooperative matrices of 16 x 16: weights and activations become halves, sums are floats. A subgroup has some of the tile's
// parts of 16 x 16.
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require

const uint PART = 16;
// Halves from row to row, so that rows start in different banks.
const uint STRIDE = 40;
const uint PARTS = BM / PART * (BN / PART);

shared float16_t a[BM * STRIDE];
shared float16_t b[BN * STRIDE];
shared float result[BM * BN];

void put16(uint at, weights16 w) {
    [[unroll]] for (uint j = 0; j < 4; j++) {
        a[at + j] = float16_t(w.a[j]);
        a[at + 4 + j] = float16_t(w.b[j]);
        a[at + 8 + j] = float16_t(w.c[j]);
        a[at + 12 + j] = float16_t(w.d[j]);
    }
}

void main() {
    if (!find_rows()) {
        return;
    }
    const uint item = gl_LocalInvocationID.x;
    const uint64_t row = decoded_row();
    const uint blocks = gl_WorkGroupID.y * from.w / 32;
    coopmat<float, gl_ScopeSubgroup, PART, PART, gl_MatrixUseAccumulator> sums[PARTS];
    [[unroll]] for (uint p = 0; p < PARTS; p++) {
        sums[p] = coopmat<float, gl_ScopeSubgroup, PART, PART, gl_MatrixUseAccumulator>(0);
    }
    for (uint n = 0; n < columns / 32; n++) {
        barrier();
        put16(item * STRIDE, decode16(row, 2 * n));
        put16(item * STRIDE + 16, decode16(row, 2 * n + 1));
        for (uint e = item; e < 8 * BN; e += SIZE) {
            const uint j = e / 8;
            const uint k = e % 8;
            vec4 x = vec4(0);
            if (j < count) {
                x = load(source(j) + from.z / 4 + 2 * (blocks + n)) * signed4(load_word(source(j) + 8 * (blocks + n) + k));
            }
            [[unroll]] for (uint i = 0; i < 4; i++) {
                b[j * STRIDE + 4 * k + i] = float16_t(x[i]);
            }
        }
        barrier();
        [[unroll]] for (uint p = 0; p < PARTS; p++) {
            if (p % gl_NumSubgroups == gl_SubgroupID) {
                [[unroll]] for (uint k = 0; k < 32; k += PART) {
                    coopmat<float16_t, gl_ScopeSubgroup, PART, PART, gl_MatrixUseA> w;
                    coopmat<float16_t, gl_ScopeSubgroup, PART, PART, gl_MatrixUseB> x;
                    coopMatLoad(w, a, p / (BN / PART) * PART * STRIDE + k, STRIDE, gl_CooperativeMatrixLayoutRowMajor);
                    coopMatLoad(x, b, p % (BN / PART) * PART * STRIDE + k, STRIDE, gl_CooperativeMatrixLayoutColumnMajor);
                    sums[p] = coopMatMulAdd(w, x, sums[p]);
                }
            }
        }
    }
    [[unroll]] for (uint p = 0; p < PARTS; p++) {
        if (p % gl_NumSubgroups == gl_SubgroupID) {
            coopMatStore(sums[p], result, p / (BN / PART) * PART * BN + p % (BN / PART) * PART, BN,
                    gl_CooperativeMatrixLayoutRowMajor);
        }
    }
    barrier();
    for (uint e = item; e < BM * BN; e += SIZE) {
        put(e / BN, e % BN, result[e]);
    }
}
