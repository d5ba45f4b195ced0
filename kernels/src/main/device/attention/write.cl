// Appends this step's rows to a cache. The row is up to four views side by side; `widths` are their columns.
#include "attention/cache.clh"

float joined(__global const float *arena, uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, uint t, uint i) {
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

// Global ids: column (of a Q8_0 cache: block of 32), token.
__kernel void cache_write(__global const float *arena, uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, uint columns,
        __global uchar *cache, uint row_bytes, __global const int *step, uint8 where) {
    const uint i = get_global_id(0);
    const uint t = get_global_id(1);
#ifdef CACHE_Q8_0
    const uint n = columns / 32;
#else
    const uint n = columns;
#endif
    if (i >= n || t >= (uint)step[0]) {
        return;
    }
    const uint position = step[where.s1 + t];
    __global uchar *row = cache + (ulong)cache_row(step, where, step[where.s2 + t], position) * row_bytes;
#if defined(CACHE_F32)
    ((__global float *)row)[i] = joined(arena, a, b, c, d, widths, t, i);
#elif defined(CACHE_F16)
    vstore_half_rte(joined(arena, a, b, c, d, widths, t, i), i, (__global half *)row);
#else
    __global uchar *block = row + i * 34;
    float largest = 0;
    for (uint j = 0; j < 32; j++) {
        const float x = fabs(joined(arena, a, b, c, d, widths, t, 32 * i + j));
        largest = isnan(x) ? x : x > largest ? x : largest;
    }
    const float scale = largest / 127;
    const float inverse = scale == 0 ? 0 : 1 / scale;
    vstore_half_rte(scale, 0, (__global half *)block);
    for (uint j = 0; j < 32; j++) {
        const float v = joined(arena, a, b, c, d, widths, t, 32 * i + j) * inverse;
        const int q = (int)(fmin(fabs(v), 127.0f) + 0.5f);
        block[2 + j] = (uchar)(v < 0 ? -q : q);
    }
#endif
}
