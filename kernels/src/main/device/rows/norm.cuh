// out = in / sqrt(mean(in^2) + eps) * weight, for n cells, by the ITEMS items of a group; `part` has a float for each of
// their warps. Reads 2 n (once from L1) + n weights, writes n.
#pragma once
#include "rows/int8.cuh"

#define NORM_PART (NORM_GROUP / WARP)

// Hands four cells of the result to `put(column, some, values)`, in all lanes of a warp, of which `some` have cells; n is a multiple
// of four.
template <uint ITEMS, class Put>
DEVICE void norm_fours(uint item, float *part, const float *from, bool aligned, uint n, const float *weight, float eps, Put put) {
    float sum = 0;
    for (uint i = 4 * item; i < n; i += 4 * ITEMS) {
        const float4 v = load4(from + i, aligned);
        sum += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
    }
    const float factor = 1 / sqrtf(group_sum<ITEMS>(sum, part, item) / n + eps);
    for (uint base = 0; base < n; base += 4 * ITEMS) {
        const uint i = base + 4 * item;
        const bool some = i < n;
        float4 v = make_float4(0, 0, 0, 0);
        if (some) {
            v = load4(from + i, aligned);
            const float4 s = load4(weight + i, aligned);
            v = make_float4(v.x * factor * s.x, v.y * factor * s.y, v.z * factor * s.z, v.w * factor * s.w);
        }
        put(i, some, v);
    }
}

DEVICE void store4(float *p, bool aligned, float4 v) {
    if (aligned) {
        *(float4 *)p = v;
    } else {
        p[0] = v.x;
        p[1] = v.y;
        p[2] = v.z;
        p[3] = v.w;
    }
}

template <uint ITEMS = NORM_GROUP>
DEVICE void norm(uint item, float *part, float *arena, uint to, uint from, uint n, const float *constants, uint weight, float eps) {
    if (n % 4 == 0) {
        const bool aligned = fours(to, from, weight);
        norm_fours<ITEMS>(item, part, arena + from, aligned, n, constants + weight, eps, [&](uint i, bool some, float4 v) {
            if (some) {
                store4(arena + to + i, aligned, v);
            }
        });
        return;
    }
    float sum = 0;
    for (uint i = item; i < n; i += ITEMS) {
        sum += arena[from + i] * arena[from + i];
    }
    const float factor = 1 / sqrtf(group_sum<ITEMS>(sum, part, item) / n + eps);
    for (uint i = item; i < n; i += ITEMS) {
        arena[to + i] = arena[from + i] * factor * constants[weight + i];
    }
}

// The same for a multiple of 32 cells, with the result in int8 besides, as a row of `place`.
template <uint ITEMS>
DEVICE void norm_int8(uint item, float *part, float *arena, uint to, uint from, uint n, const float *constants, uint weight,
        float eps, uint4 place, uint row) {
    const bool aligned = fours(to, from, weight);
    norm_fours<ITEMS>(item, part, arena + from, aligned, n, constants + weight, eps, [&](uint i, bool some, float4 v) {
        if (some) {
            store4(arena + to + i, aligned, v);
        }
        put_int8(arena, place, row, i, some, v);
    });
}
