// Products of rows of weights with rows of activations, by the lanes of a warp: each lane takes a unit of consecutive weights,
// those of the next lane follow.
//
//   in F32    a unit is 16 weights     row  | lane 0: 16 | lane 1: 16 | ... lane 31: 16 | lane 0: 16 | ...
//   in int8   a unit is 32 weights     row  | lane 0: 32 | lane 1: 32 | ...
//             or a slab of 64, which are next to each other or in the same bytes
#pragma once
#include "quant/codes.cuh"

// A row of activations in F32.
struct FloatRow {
    static constexpr bool FLOAT = true;

    const float *x;
    // Whether it can be read four at a time.
    bool aligned;
};

// A row of activations in int8: codes, and for each 32 of them d and d times their sum.
struct Int8Row {
    static constexpr bool FLOAT = false;

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

// 16 codes.
DEVICE void load_codes(const Int8Row &x, uint group, uint (&codes)[4]) {
    const uint4 v = x.codes[group];
    codes[0] = v.x;
    codes[1] = v.y;
    codes[2] = v.z;
    codes[3] = v.w;
}

template <class T, uint M, uint N>
DEVICE void multiply32(const bytes (&rows)[M], uint i, const Int8Row (&x)[N], float (&sums)[M][N]) {
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
        uint codes[2][4];
        load_codes(x[t], 2 * i, codes[0]);
        load_codes(x[t], 2 * i + 1, codes[1]);
        const float2 scale = x[t].scales[i];
#pragma unroll
        for (uint m = 0; m < M; m++) {
            sums[m][t] += dot32<T>(q[m], s[m], least[m], codes, scale);
        }
    }
}

template <class T, uint M, uint N>
DEVICE void multiply_slab(const bytes (&rows)[M], uint u, const Int8Row (&x)[N], float (&sums)[M][N]) {
    uint q[M][4][4];
    float s[M][4];
    float least[M][4];
#pragma unroll
    for (uint m = 0; m < M; m++) {
        T::slab(rows[m], u, q[m], s[m], least[m]);
    }
#pragma unroll
    for (uint t = 0; t < N; t++) {
        if constexpr (T::GROUP >= 32) {
            const float4 scales = ((const float4 *)x[t].scales)[u];
#pragma unroll
            for (uint h = 0; h < 4; h += 2) {
                uint codes[2][4];
                load_codes(x[t], 4 * u + h, codes[0]);
                load_codes(x[t], 4 * u + h + 1, codes[1]);
                const float d = h == 0 ? scales.x : scales.z;
                const float d_sum = h == 0 ? scales.y : scales.w;
#pragma unroll
                for (uint m = 0; m < M; m++) {
                    const int dot = dot16(q[m][h + 1], codes[1], dot16(q[m][h], codes[0], 0));
                    sums[m][t] += s[m][h] * (float)dot * d - least[m][h] * d_sum;
                }
            }
        } else {
            // Its groups are of four blocks of activations, the first one's number a multiple of four.
            const float4 *scales = (const float4 *)(x[t].scales + T::slab_group(u, 0) / 2);
            const float4 two[2] = {scales[0], scales[1]};
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                const uint group = T::slab_group(u, j);
                uint codes[4];
                load_codes(x[t], group, codes);
                const float d = j % 2 == 0 ? two[j / 2].x : two[j / 2].z;
                const int all = sum_of(codes);
#pragma unroll
                for (uint m = 0; m < M; m++) {
                    const int dot = dot16(q[m][j], codes, -T::ZERO * all);
                    sums[m][t] += d * (T::MIN ? s[m][j] * (float)dot - least[m][j] * (float)all : s[m][j] * (float)dot);
                }
            }
        }
    }
}

// Weights of a unit.
template <class T, class X> constexpr __device__ uint unit() {
    return X::FLOAT ? 16 : T::SLAB ? 64 : 32;
}

template <class T, uint M, uint N>
DEVICE void multiply(const bytes (&rows)[M], uint i, const Int8Row (&x)[N], float (&sums)[M][N]) {
    if constexpr (T::SLAB) {
        multiply_slab<T>(rows, i, x, sums);
    } else {
        multiply32<T>(rows, i, x, sums);
    }
}

// Along whole rows: adds what a lane has of the products.
template <class T, class X, uint M, uint N>
DEVICE void walk(const bytes (&rows)[M], uint columns, uint lane, const X (&x)[N], float (&sums)[M][N]) {
    const uint units = columns / unit<T, X>();
    // A few loads of each lane on their way at a time; a slab has enough of them, and so have two matrices.
    constexpr int AHEAD = unit<T, X>() > 32 || M * N > 1 ? 1 : 2;
#pragma unroll AHEAD
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
