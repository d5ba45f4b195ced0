// Up to NB rows of activations times a matrix. A warp has a row of the matrix, of which each lane takes 16 weights at a time:
//
//   row r    | lane 0: 16 | lane 1: 16 | ... lane 31: 16 | lane 0: 16 | ...
//
// Group ids: rows of the matrix (MATVEC_GROUP / LANES of them), head, rows of activations (for experts: a pair if NB is 1, else
// a tile of the sorted pairs). With GATED, two matrices and the gated activation of both products.
//
// Moves the matrix once (for each NB rows of activations), and 2 rows columns multiply-adds for each row: bound by memory.
#pragma once
#include "matmul/product.cuh"

template <class T, uint NB, bool GATED> DEVICE void matvec(Group group, uint item, const Product &p, bytes up) {
    const uint lane = item % LANES;
    const uint r = group.x * (MATVEC_GROUP / LANES) + item / LANES;
    Rows<NB> rows;
    if constexpr (NB == 1) {
        rows = row_of(p, group);
    } else {
        rows = rows_of<NB>(p, group);
    }
    // The same for a whole warp.
    if (r >= p.rows || rows.count == 0) {
        return;
    }
    bytes row = p.row(rows.matrix, r);
    bytes up_row = up + (row - p.weight);
    const uint share = p.share();
    const float *x[NB];
#pragma unroll
    for (uint t = 0; t < NB; t++) {
        // Rows beyond the count repeat the last one.
        x[t] = p.arena + p.in.x + rows.target(min(t, rows.count - 1)) / share * p.in.y + group.y * p.in.w;
    }
    const bool aligned = p.fours();
    float sums[NB] = {};
    float up_sum = 0;
    const uint units = p.columns / 16;
    for (uint i = lane; i < units; i += LANES) {
        float w[16];
        decode16<T>(row, i, w);
#pragma unroll
        for (uint t = 0; t < NB; t++) {
            float a[16];
            load16(x[t] + 16 * i, aligned, a);
#pragma unroll
            for (uint k = 0; k < 16; k++) {
                sums[t] += w[k] * a[k];
            }
            if constexpr (GATED) {
                decode16<T>(up_row, i, w);
#pragma unroll
                for (uint k = 0; k < 16; k++) {
                    up_sum += w[k] * a[k];
                }
            }
        }
    }
    if constexpr (T::PLAIN) {
        for (uint c = 16 * units + lane; c < p.columns; c += LANES) {
            const float w = T::decode1(row, c);
#pragma unroll
            for (uint t = 0; t < NB; t++) {
                sums[t] += w * x[t][c];
            }
            if constexpr (GATED) {
                up_sum += T::decode1(up_row, c) * x[0][c];
            }
        }
    }
#pragma unroll
    for (uint t = 0; t < NB; t++) {
        sums[t] = warp_sum(sums[t]);
    }
    if constexpr (GATED) {
        sums[0] = silu(sums[0]) * warp_sum(up_sum);
    }
    if (lane == 0) {
#pragma unroll
        for (uint t = 0; t < NB; t++) {
            if (t < rows.count) {
                p.store(rows.target(t), group.y, r, sums[t]);
            }
        }
    }
}
