// Up to N rows of activations times a matrix. A warp has a row of the matrix (see walk.cuh). X says how activations are kept.
// Group ids: rows of the matrix (MATVEC_GROUP / LANES of them), head, rows of activations (for experts: a pair if N is 1, else a
// tile of the sorted pairs).
//
// Moves the matrix once (for each N rows of activations), and 2 rows columns operations for each row: bound by memory.
#pragma once
#include "matmul/product.cuh"
#include "matmul/walk.cuh"
#include "rows/tail.cuh"

#define ROWS_A_GROUP (MATVEC_GROUP / LANES)

// Row t of the activations, for a head.
DEVICE void find_row(const Product &p, uint t, uint head, FloatRow &x) {
    x = {p.arena + p.in.x + t * p.in.y + head * p.in.w, p.fours()};
}

// in: x first cell, y cells from row to row, z columns of a row, w columns of one matrix.
DEVICE void find_row(const Product &p, uint t, uint head, Int8Row &x) {
    const float *row = p.arena + p.in.x + t * p.in.y;
    x = {(const uint4 *)(row + head * p.in.w / 4), (const float2 *)(row + p.in.z / 4) + head * p.in.w / 32};
}

template <class T, class X, uint N> DEVICE void matvec(Group group, uint item, const Product &p) {
    const uint lane = item % LANES;
    const uint r = group.x * ROWS_A_GROUP + item / LANES;
    Rows<N> rows;
    if constexpr (N == 1) {
        rows = one_row(p, group);
    } else {
        rows = rows_of<N>(p, group);
    }
    // The same for a whole warp.
    if (r >= p.rows || rows.count == 0) {
        return;
    }
    const bytes row[1] = {p.row(rows.matrix, r)};
    X x[N];
#pragma unroll
    for (uint t = 0; t < N; t++) {
        // Rows beyond the count repeat the last one.
        find_row(p, rows.target(min(t, rows.count - 1)) / p.share(), group.y, x[t]);
    }
    float sums[1][N] = {};
    walk<T>(row, p.columns, lane, x, sums);
    warp_sums(sums);
    if (lane == 0) {
#pragma unroll
        for (uint t = 0; t < N; t++) {
            if (t < rows.count) {
                p.store(rows.target(t), group.y, r, sums[0][t]);
            }
        }
    }
}

// Of one row, and what the last group does with it.
template <class T, class X> DEVICE void matvec1(Group group, uint item, TailPart &shared, const Product &p, const Tail &tail) {
    matvec<T, X, 1>(group, item, p);
    finish_row(tail, group.all_x * group.all_y, item, shared, p.arena, p.out.x, group.all_y * p.rows, p.constants);
}

// Two matrices, and the gated activation of both products, of one row.
template <class T, class X> DEVICE void matvec_swiglu(Group group, uint item, const Product &p, bytes up) {
    const uint lane = item % LANES;
    const uint r = group.x * ROWS_A_GROUP + item / LANES;
    const Rows<1> one = one_row(p, group);
    if (r >= p.rows || one.count == 0) {
        return;
    }
    const bytes row = p.row(one.matrix, r);
    const bytes rows[2] = {row, up + (row - p.weight)};
    X x[1];
    find_row(p, one.first / p.share(), group.y, x[0]);
    float sums[2][1] = {};
    walk<T>(rows, p.columns, lane, x, sums);
    warp_sums(sums);
    if (lane == 0) {
        p.store(one.first, group.y, r, silu(sums[0][0]) * sums[1][0]);
    }
}

// The same with activations in int8, and the result in both forms: a group has 32 rows of the matrices, each warp of it
// every GATED_WARPS-th of those, one after the other. Group ids: 32 rows of the matrices, 0, row (for experts: pair).
#define GATED_WARPS (NORM_GROUP / LANES)

template <class T> DEVICE void matvec_gated(Group group, uint item, float *results, const Product &p, bytes up, uint4 place) {
    const uint lane = item % LANES;
    const Rows<1> one = one_row(p, group);
    // The same for the whole group.
    if (one.count == 0) {
        return;
    }
    Int8Row x[1];
    find_row(p, one.first / p.share(), 0, x[0]);
    bytes row = p.row(one.matrix, 32 * group.x + item / LANES);
#pragma unroll 1
    for (uint at = item / LANES; at < 32; at += GATED_WARPS, row += GATED_WARPS * p.row_bytes) {
        const bytes rows[2] = {row, up + (row - p.weight)};
        float sums[2][1] = {};
        walk<T>(rows, p.columns, lane, x, sums);
        warp_sums(sums);
        if (lane == 0) {
            results[at] = silu(sums[0][0]) * sums[1][0];
        }
    }
    __syncthreads();
    if (item < WARP) {
        const uint column = 32 * group.x + lane;
        p.arena[p.out.x + one.first * p.out.y + column] = results[lane];
        float4 v = make_float4(0, 0, 0, 0);
        const bool some = lane < INT8_LANES;
        if (some) {
            v = make_float4(results[4 * lane], results[4 * lane + 1], results[4 * lane + 2], results[4 * lane + 3]);
        }
        put_int8(p.arena, place, one.first, 32 * group.x + 4 * lane, some, v);
    }
}

// Two products of one row: the groups of the other one follow. The last group goes on with the first one's row.
template <class T, class X>
DEVICE void matvec_joint(Group group, uint item, TailPart &shared, Product p, bytes other, uint4 other_out, uint other_rows,
        int other_bias, const Tail &tail) {
    const uint groups = (p.rows + ROWS_A_GROUP - 1) / ROWS_A_GROUP;
    const uint row = p.out.x;
    const uint n = p.rows;
    if (group.x >= groups) {
        group.x -= groups;
        p.weight = other;
        p.out = other_out;
        p.rows = other_rows;
        p.bias = other_bias;
    }
    matvec<T, X, 1>(group, item, p);
    finish_row(tail, group.all_x, item, shared, p.arena, row, n, p.constants);
}

// The sum over the experts of a row, times their factors. Group ids: rows of the matrix, 1, rows of the sum. The units of all
// experts are one list, so that no lane waits for the others where a row ends.
template <class T, class X> DEVICE void matvec_sum(Group group, uint item, const Product &p, uint4 factors) {
    const uint lane = item % LANES;
    const uint r = group.x * ROWS_A_GROUP + item / LANES;
    const uint t = group.z;
    const uint used = p.ids.z;
    if (r >= p.rows || t * used >= row_count(p.step, p.counted)) {
        return;
    }
    const uint *ids = (const uint *)p.arena + p.ids.x + t * p.ids.y;
    const float *by = p.arena + factors.x + t * factors.y;
    const uint units = p.columns / unit<T, X>();
    float sum = 0;
#pragma unroll 2
    for (uint all = lane; all < units * used; all += LANES) {
        const uint j = all / units;
        const bytes row[1] = {p.row(ids[j], r)};
        X x[1];
        find_row(p, t * used + j, 0, x[0]);
        float one[1][1] = {};
        multiply<T>(row, all - j * units, x, one);
        sum += by[j] * one[0][0];
    }
    if constexpr (T::PLAIN) {
        const uint rest = p.columns - 16 * units;
        for (uint all = lane; all < rest * used; all += LANES) {
            const uint j = all / rest;
            const uint c = 16 * units + all % rest;
            X x;
            find_row(p, t * used + j, 0, x);
            sum += by[j] * T::decode1(p.row(ids[j], r), c) * x.x[c];
        }
    }
    sum = warp_sum(sum);
    if (lane == 0) {
        p.store(t, 0, r, sum);
    }
}

// The same, and what the last group does with the row if there is one.
template <class T, class X>
DEVICE void matvec_sum(Group group, uint item, TailPart &shared, const Product &p, uint4 factors, const Tail &tail) {
    matvec_sum<T, X>(group, item, p, factors);
    if (group.all_z == 1) {
        finish_row(tail, group.all_x, item, shared, p.arena, p.out.x, p.rows, p.constants);
    }
}
