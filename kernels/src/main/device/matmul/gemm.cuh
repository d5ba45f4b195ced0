// Many rows of activations times a matrix, in tiles of BM rows of the matrix x BN rows of activations, 32 columns at a time
// through shared memory. Group ids: rows of the matrix, head, rows of activations (for experts: a tile of the sorted pairs).
//
//   a: 32 columns x BM weights, decoded by the item of that row     b: 32 columns x BN activations
//   item (ax, by): rows 4 ax ... + 3 and BM/2 + 4 ax ... + 3, activations 4 by ... + 3 and BN/2 + 4 by ... + 3
//
// Decodes the matrix once for each BN rows of activations; 2 rows columns multiply-adds for each row, bound by those.
#pragma once
#include "matmul/matvec.cuh"

#define BM (GEMM_X * GEMM_TM)
#define BN (GEMM_Y * GEMM_TN)
#define BK 32
#define GEMM_GROUP (GEMM_X * GEMM_Y)

static_assert(GEMM_GROUP == BM, "each item decodes one row of a tile");
static_assert(BN == TILE, "pairs are sorted for these tiles");
static_assert(BN / 2 == BK, "half of the results take the place of the weights");
static_assert(GEMM_TM == 8 && GEMM_TN == 8, "an item has two fours of rows and of activations");

struct GemmTiles {
    __align__(16) float a[BK][BM];
    // Moved by four floats from column to column, so that items of a warp meet in fewer banks.
    __align__(16) float b[BK][BN + 4];
    uint target[BN];
};

// Four activations of a row from a column on, zeros beyond the end of it.
DEVICE float4 four(const FloatRow &x, uint c, uint columns) {
    if (c + 4 <= columns) {
        return load4(x.x + c, x.aligned);
    }
    return make_float4(c < columns ? x.x[c] : 0, c + 1 < columns ? x.x[c + 1] : 0, c + 2 < columns ? x.x[c + 2] : 0, 0);
}

// A row in int8 has a multiple of 32 columns.
DEVICE float4 four(const Int8Row &x, uint c, uint) {
    const uint moved = ((const uint *)x.codes)[c / 4] ^ 0x80808080u;
    const float d = x.scales[c / 32].x;
    return make_float4(d * code(moved, 0), d * code(moved, 1), d * code(moved, 2), d * code(moved, 3));
}

// X says how activations are kept.
template <class T, class X> DEVICE void gemm(Group group, uint item, GemmTiles &tiles, const Product &p) {
    const uint r0 = group.x * BM;
    const Rows<BN> rows = rows_of<BN>(p, group);
    // The same for the whole group.
    if (rows.count == 0) {
        return;
    }
    for (uint j = item; j < rows.count; j += GEMM_GROUP) {
        tiles.target[j] = rows.target(j);
    }
    bytes row = p.row(rows.matrix, min(r0 + item, p.rows - 1));
    const uint share = p.share();
    const uint ax = item % GEMM_X * 4;
    const uint by = item / GEMM_X * 4;
    float sums[GEMM_TM][GEMM_TN] = {};
    for (uint c0 = 0; c0 < p.columns; c0 += BK) {
        __syncthreads();
#pragma unroll
        for (uint i = 0; i < BK / 16; i++) {
            float w[16];
            decode16_or_zero<T>(row, c0 / 16 + i, p.columns, w);
#pragma unroll
            for (uint k = 0; k < 16; k++) {
                tiles.a[16 * i + k][item] = w[k];
            }
        }
#pragma unroll
        for (uint e = item; e < BN * BK / 4; e += GEMM_GROUP) {
            const uint j = e / (BK / 4);
            const uint k = e % (BK / 4) * 4;
            float4 v = make_float4(0, 0, 0, 0);
            if (j < rows.count) {
                X x;
                find_row(p, tiles.target[j] / share, group.y, x);
                v = four(x, c0 + k, p.columns);
            }
            tiles.b[k][j] = v.x;
            tiles.b[k + 1][j] = v.y;
            tiles.b[k + 2][j] = v.z;
            tiles.b[k + 3][j] = v.w;
        }
        __syncthreads();
#pragma unroll 2
        for (uint k = 0; k < BK; k++) {
            const float4 a0 = *(const float4 *)&tiles.a[k][ax];
            const float4 a1 = *(const float4 *)&tiles.a[k][BM / 2 + ax];
            const float4 b0 = *(const float4 *)&tiles.b[k][by];
            const float4 b1 = *(const float4 *)&tiles.b[k][BN / 2 + by];
            const float as[GEMM_TM] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
            const float bs[GEMM_TN] = {b0.x, b0.y, b0.z, b0.w, b1.x, b1.y, b1.z, b1.w};
#pragma unroll
            for (uint m = 0; m < GEMM_TM; m++) {
#pragma unroll
                for (uint n = 0; n < GEMM_TN; n++) {
                    sums[m][n] += as[m] * bs[n];
                }
            }
        }
    }
    // Back through shared memory, half of the rows of activations at a time: written along the rows of the matrix.
    float(*staged)[BM] = tiles.a;
#pragma unroll
    for (uint half = 0; half < 2; half++) {
        __syncthreads();
#pragma unroll
        for (uint n = 0; n < GEMM_TN / 2; n++) {
            const float *sum = &sums[0][0] + half * (GEMM_TN / 2) + n;
            *(float4 *)&staged[by + n][ax] = make_float4(sum[0], sum[GEMM_TN], sum[2 * GEMM_TN], sum[3 * GEMM_TN]);
            *(float4 *)&staged[by + n][BM / 2 + ax] = make_float4(sum[4 * GEMM_TN], sum[5 * GEMM_TN], sum[6 * GEMM_TN],
                    sum[7 * GEMM_TN]);
        }
        __syncthreads();
        const uint r = r0 + item;
#pragma unroll 2
        for (uint j = 0; j < BN / 2; j++) {
            const uint row_of_tile = half * (BN / 2) + j;
            if (row_of_tile < rows.count && r < p.rows) {
                p.store(tiles.target[row_of_tile], group.y, r, staged[j][item]);
            }
        }
    }
}
