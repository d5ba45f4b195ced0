// Products of rows of weights with rows of activations, by the lanes of a warp: each lane takes a unit of consecutive weights,
// those of the next lane follow.
//
//   in F32    a unit is 16 weights     row  | lane 0: 16 | lane 1: 16 | ... lane 31: 16 | lane 0: 16 | ...
//   in int8   a unit is 32 weights     row  | lane 0: 32 | lane 1: 32 | ...
#pragma once
#include "quant/codes.cuh"

// A row of activations in F32.
struct FloatRow {
    static constexpr uint UNIT = 16;

    const float *x;
    // Whether it can be read four at a time.
    bool aligned;
};

// A row of activations in int8: codes, and for each 32 of them d and d times their sum.
struct Int8Row {
    static constexpr uint UNIT = 32;

    const uint4 *codes;
    const float2 *scales;
};

// Adds to sums[m][t] what unit i of row m has of the product with x[t].
template <class T, uint M, uint N>
DEVICE void multiply(const bytes (&rows)[M], uint i, const FloatRow (&x)[N], float (&sums)[M][N]) {
    float w[M][16];
#pragma unroll
    for (uint m = 0; m < M; m++) {
        decode16<T>(rows[m], i, w[m]);
    }
#pragma unroll
    for (uint t = 0; t < N; t++) {
        float a[16];
        load16(x[t].x + 16 * i, x[t].aligned, a);
#pragma unroll
        for (uint m = 0; m < M; m++) {
#pragma unroll
            for (uint k = 0; k < 16; k++) {
                sums[m][t] += w[m][k] * a[k];
            }
        }
    }
}

template <class T, uint M, uint N>
DEVICE void multiply(const bytes (&rows)[M], uint i, const Int8Row (&x)[N], float (&sums)[M][N]) {
    uint q[M][2][4];
    float s[M][2];
    float least[M][2];
#pragma unroll
    for (uint m = 0; m < M; m++) {
        T::codes(rows[m], 2 * i, q[m][0], s[m][0], least[m][0]);
        T::codes(rows[m], 2 * i + 1, q[m][1], s[m][1], least[m][1]);
    }
#pragma unroll
    for (uint t = 0; t < N; t++) {
        const uint4 low = x[t].codes[2 * i];
        const uint4 high = x[t].codes[2 * i + 1];
        const uint codes[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
        const float2 scale = x[t].scales[i];
#pragma unroll
        for (uint m = 0; m < M; m++) {
            sums[m][t] += dot32<T>(q[m], s[m], least[m], codes, scale);
        }
    }
}

// Along whole rows: adds what a lane has of the products.
template <class T, class X, uint M, uint N>
DEVICE void walk(const bytes (&rows)[M], uint columns, uint lane, const X (&x)[N], float (&sums)[M][N]) {
    const uint units = columns / X::UNIT;
#pragma unroll 2
    for (uint i = lane; i < units; i += LANES) {
        multiply<T>(rows, i, x, sums);
    }
    if constexpr (T::PLAIN) {
        for (uint c = 16 * units + lane; c < columns; c += LANES) {
#pragma unroll
            for (uint m = 0; m < M; m++) {
                const float w = T::decode1(rows[m], c);
#pragma unroll
                for (uint t = 0; t < N; t++) {
                    sums[m][t] += w * x[t].x[c];
                }
            }
        }
    }
}

template <uint M, uint N> DEVICE void warp_sums(float (&sums)[M][N]) {
#pragma unroll
    for (uint m = 0; m < M; m++) {
#pragma unroll
        for (uint t = 0; t < N; t++) {
            sums[m][t] = warp_sum(sums[m][t]);
        }
    }
}
