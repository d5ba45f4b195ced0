// Up to NB rows of activations times the transpose of a matrix per head: out[c] = sum over r of in[r] weight[r][c].
// A group has TRANSPOSED_UNITS times 16 columns. Its items share the rows of the matrix:
//
//   item     0 ... 3: row 0, columns 0 ... 63 | 4 ... 7: row 1 | ... | 124 ... 127: row 31;   then rows 32 to 63, ...
//
// Group ids: columns, head, rows of activations. Moves the matrix once.
#pragma once
#include "matmul/product.cuh"

#define TRANSPOSED_UNITS (MATVEC_GROUP / LANES)
#define TRANSPOSED_PART (MATVEC_GROUP / WARP * TRANSPOSED_UNITS * 16)

template <class T, uint NB> DEVICE void transposed(Group group, uint item, float *part, const Product &p) {
    const uint unit = item % TRANSPOSED_UNITS;
    const uint i = group.x * TRANSPOSED_UNITS + unit;
    const uint head = group.y;
    const uint first = group.z * NB;
    const uint all = row_count(p.step, p.counted);
    // The same for the whole group.
    if (first >= all) {
        return;
    }
    const uint count = min(all - first, NB);
    float sums[NB][16] = {};
    if (16 * i < p.columns) {
        const float *x = p.arena + p.in.x + first * p.in.y + head * p.in.w;
        for (uint r = item / TRANSPOSED_UNITS; r < p.rows; r += LANES) {
            float w[16];
            decode16_or_zero<T>(p.row(head, r), i, p.columns, w);
#pragma unroll
            for (uint t = 0; t < NB; t++) {
                const float a = x[min(t, count - 1) * p.in.y + r];
#pragma unroll
                for (uint k = 0; k < 16; k++) {
                    sums[t][k] += a * w[k];
                }
            }
        }
    }
#pragma unroll
    for (uint t = 0; t < NB; t++) {
        // Over the rows of a warp, then over the warps.
#pragma unroll
        for (uint k = 0; k < 16; k++) {
#pragma unroll
            for (uint offset = TRANSPOSED_UNITS; offset < WARP; offset *= 2) {
                sums[t][k] += __shfl_xor_sync(0xffffffffu, sums[t][k], offset);
            }
        }
        if (t > 0) {
            __syncthreads();
        }
        if (item % WARP < TRANSPOSED_UNITS) {
#pragma unroll
            for (uint k = 0; k < 16; k++) {
                part[(item / WARP * TRANSPOSED_UNITS + unit) * 16 + k] = sums[t][k];
            }
        }
        __syncthreads();
        const uint c = group.x * TRANSPOSED_UNITS * 16 + item;
        if (item < TRANSPOSED_UNITS * 16 && c < p.columns && t < count) {
            float sum = 0;
#pragma unroll
            for (uint w = 0; w < MATVEC_GROUP / WARP; w++) {
                sum += part[w * TRANSPOSED_UNITS * 16 + item];
            }
            p.arena[p.out.x + (first + t) * p.out.y + head * p.out.w + c] = sum;
        }
    }
}
