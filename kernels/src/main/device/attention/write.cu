// Appends this step's rows to a cache. The row is up to four views side by side; `widths` are their columns. Moves each row once.
// Items: column (of a Q8_0 cache: block of 32), token.
#include "attention/cache.cuh"

struct Joined {
    uint4 a, b, c, d, widths;

    DEVICE_MEMBER float get(const float *arena, uint t, uint i) const {
        if (i < widths.x) {
            return arena[cell(a, t, i)];
        }
        i -= widths.x;
        if (i < widths.y) {
            return arena[cell(b, t, i)];
        }
        i -= widths.y;
        return i < widths.z ? arena[cell(c, t, i)] : arena[cell(d, t, i - widths.z)];
    }
};

DEVICE void put(CacheF32, const float *arena, const Joined &joined, uint t, uint i, uint8_t *row) {
    ((float *)row)[i] = joined.get(arena, t, i);
}

DEVICE void put(CacheF16, const float *arena, const Joined &joined, uint t, uint i, uint8_t *row) {
    ((ushort *)row)[i] = __half_as_ushort(__float2half_rn(joined.get(arena, t, i)));
}

DEVICE void put(CacheQ8_0, const float *arena, const Joined &joined, uint t, uint i, uint8_t *row) {
    uint8_t *block = row + i * 34;
    float largest = 0;
    for (uint j = 0; j < 32; j++) {
        const float x = fabsf(joined.get(arena, t, 32 * i + j));
        largest = isnan(x) ? x : x > largest ? x : largest;
    }
    const float scale = largest / 127;
    const float inverse = scale == 0 ? 0 : 1 / scale;
    *(ushort *)block = __half_as_ushort(__float2half_rn(scale));
    for (uint j = 0; j < 32; j++) {
        const float v = joined.get(arena, t, 32 * i + j) * inverse;
        const int q = (int)(fminf(fabsf(v), 127.0f) + 0.5f);
        block[2 + j] = (uint8_t)(v < 0 ? -q : q);
    }
}

template <class C>
DEVICE void cache_write(Group group, uint item, const float *arena, const Joined &joined, uint items, uint8_t *cache,
        uint row_bytes, const int *step, const Where &where) {
    const uint i = group.x * ROW_GROUP + item;
    const uint t = group.y;
    if (i >= items || t >= (uint)step[0]) {
        return;
    }
    const uint position = step[where.position + t];
    uint8_t *row = cache + (ulong64)cache_row(step, where, step[where.sequence + t], position) * row_bytes;
    put(C(), arena, joined, t, i, row);
}

#define WRITE_ARGUMENTS                                                                                                        \
    const float *arena, uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, uint columns, uint8_t *cache, uint row_bytes,        \
            const int *step, Where where

KERNEL(ROW_GROUP) cache_write_F32(WRITE_ARGUMENTS) {
    cache_write<CacheF32>(this_group(), threadIdx.x, arena, {a, b, c, d, widths}, columns, cache, row_bytes, step, where);
}

KERNEL(ROW_GROUP) cache_write_F16(WRITE_ARGUMENTS) {
    cache_write<CacheF16>(this_group(), threadIdx.x, arena, {a, b, c, d, widths}, columns, cache, row_bytes, step, where);
}

KERNEL(ROW_GROUP) cache_write_Q8_0(WRITE_ARGUMENTS) {
    cache_write<CacheQ8_0>(this_group(), threadIdx.x, arena, {a, b, c, d, widths}, columns / 32, cache, row_bytes, step, where);
}
