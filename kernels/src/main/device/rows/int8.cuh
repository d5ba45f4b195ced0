// Rows of activations in int8. For every 32 columns the scale is d = max|x| / 127 and the codes are x / d, rounded to nearest:
//
//   row  | codes: a byte for each column | for each 32 columns: d f32, d times the sum of the codes f32 |
//
// A row starts at a multiple of 16 bytes. A value that is not finite makes what is computed with its 32 columns NaN.
#pragma once
#include "common.cuh"

// Lanes that have 32 columns, four each.
#define INT8_LANES 8

// Where rows are kept: x first cell, y cells from row to row, z columns, w rows that are made (of a step with more, none is).
DEVICE bool keeps(uint4 place, uint rows) {
    return rows <= place.w;
}

// Four columns of a row, those of the next lane follow: by all lanes of a warp, of which `some` have columns.
DEVICE void put_int8(float *arena, uint4 place, uint row, uint column, bool some, float4 v) {
    float most = 0;
    const float x[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (uint k = 0; k < 4; k++) {
        const float a = fabsf(x[k]);
        most = a > most || isnan(a) ? a : most;
    }
#pragma unroll
    for (uint offset = INT8_LANES / 2; offset > 0; offset /= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, most, offset);
        most = other > most || isnan(other) ? other : most;
    }
    const float d = most / 127;
    const float inverse = d == 0 ? 0 : 1 / d;
    uint codes = 0;
    int sum = 0;
#pragma unroll
    for (uint k = 0; k < 4; k++) {
        // Clamped, for where d is so small that its inverse overflows.
        const int q = max(-127, min(127, __float2int_rn(x[k] * inverse)));
        codes |= (uint)(q & 255) << (8 * k);
        sum += q;
    }
#pragma unroll
    for (uint offset = INT8_LANES / 2; offset > 0; offset /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    }
    if (some) {
        float *to = arena + place.x + row * place.y;
        ((uint *)to)[column / 4] = codes;
        if (column % 32 == 0) {
            ((float2 *)(to + place.z / 4))[column / 32] = make_float2(d, d * (float)sum);
        }
    }
}

// Columns first ... end - 1 of a row of a view, a multiple of 32, by the ITEMS items of a group.
template <uint ITEMS>
DEVICE void quantise_columns(uint item, float *arena, uint4 in, uint4 place, uint row, uint first, uint end) {
    const bool aligned = fours(in.x, in.y, in.z | in.w);
    for (uint base = first; base < end; base += 4 * ITEMS) {
        const uint column = base + 4 * item;
        const bool some = column < end;
        float4 v = make_float4(0, 0, 0, 0);
        if (some) {
            if (in.z % 4 == 0) {
                v = load4(arena + cell(in, row, column), aligned);
            } else {
                v = make_float4(arena[cell(in, row, column)], arena[cell(in, row, column + 1)], arena[cell(in, row, column + 2)],
                        arena[cell(in, row, column + 3)]);
            }
        }
        put_int8(arena, place, row, column, some, v);
    }
}
