// Many rows of activations times a matrix, in tiles, 32 columns at a time through shared memory.
#include "matmul/tile.glsl"

shared float a[32 * BM];
shared float b[32 * (BN + 1)];

void put4(uint k, uint item, vec4 v) {
    [[unroll]] for (uint j = 0; j < 4; j++) {
        a[(k + j) * BM + item] = v[j];
    }
}

void main() {
    if (!find_rows()) {
        return;
    }
    const uint item = gl_LocalInvocationID.x;
    const uint64_t row = decoded_row();
    const uint head = gl_WorkGroupID.y * from.w;
    const uint ax = item % GEMM_X * GEMM_TM;
    const uint by = item / GEMM_X * GEMM_TN;
    float sums[GEMM_TM * GEMM_TN];
    [[unroll]] for (uint s = 0; s < GEMM_TM * GEMM_TN; s++) {
        sums[s] = 0;
    }
    for (uint c0 = 0; c0 < columns; c0 += 32) {
        barrier();
        [[unroll]] for (uint i = 0; i < 2; i++) {
            const weights16 w = decode16_or_zero(row, c0 / 16 + i);
            put4(16 * i, item, w.a);
            put4(16 * i + 4, item, w.b);
            put4(16 * i + 8, item, w.c);
            put4(16 * i + 12, item, w.d);
        }
        for (uint e = item; e < 32 * BN; e += SIZE) {
            const uint j = e / 32;
            const uint k = e % 32;
            float value = 0;
            if (j < count && c0 + k < columns) {
                value = load(source(j) + head + c0 + k);
            }
            b[k * (BN + 1) + j] = value;
        }
        barrier();
        for (uint k = 0; k < 32; k++) {
            float bs[GEMM_TN];
            [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
                bs[n] = b[k * (BN + 1) + by + n];
            }
            [[unroll]] for (uint m = 0; m < GEMM_TM; m++) {
                const float w = a[k * BM + ax + m];
                [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
                    sums[m * GEMM_TN + n] += w * bs[n];
                }
            }
        }
    }
    [[unroll]] for (uint m = 0; m < GEMM_TM; m++) {
        [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
            put(ax + m, by + n, sums[m * GEMM_TN + n]);
        }
    }
}
