// As gemm, over activations in int8: `from` is first cell, cells from row to row, columns of a row, columns of a matrix. Built once more
// with COOPMAT, for devices that multiply matrices of 16 x 16 halves, see cooperative.glsl.
// variants: COOPMAT
#define INT8
#include "matmul/tile.glsl"

#ifdef COOPMAT
#include "matmul/cooperative.glsl"
#else
#include "matmul/codes.glsl"

void main() {
    if (!find_rows()) {
        return;
    }
    const uint item = gl_LocalInvocationID.x;
    const uint64_t row = decoded_row();
    const uint ax = item % GEMM_X * GEMM_TM;
    const uint by = item / GEMM_X * GEMM_TN;
    float sums[GEMM_TM * GEMM_TN];
    [[unroll]] for (uint s = 0; s < GEMM_TM * GEMM_TN; s++) {
        sums[s] = 0;
    }
    for (uint block = 0; block < columns / 32; block++) {
        read_block(row, block);
        [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
            uint x[8];
            [[unroll]] for (uint k = 0; k < 8; k++) {
                x[k] = b[k * (BN + 1) + by + n];
            }
            const vec2 scale = b_scale[by + n];
            [[unroll]] for (uint m = 0; m < GEMM_TM; m++) {
                int low = 0;
                int high = 0;
                [[unroll]] for (uint k = 0; k < 4; k++) {
                    low += dotPacked4x8EXT(int(a[k * BM + ax + m]), int(x[k]));
                    high += dotPacked4x8EXT(int(a[(4 + k) * BM + ax + m]), int(x[4 + k]));
                }
                const vec3 w = a_scale[ax + m];
                sums[m * GEMM_TN + n] += scale.x * (w.x * float(low) + w.y * float(high)) - w.z * scale.y;
            }
        }
    }
    [[unroll]] for (uint m = 0; m < GEMM_TM; m++) {
        [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
            put(ax + m, by + n, sums[m * GEMM_TN + n]);
        }
    }
}
#endif
