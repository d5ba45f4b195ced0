// Appends this step's rows to a cache. The row is up to four views side by side; `widths` are their columns.
#include "attention/cache.clh"
#include "rows/norm.clh"
#include "rows/turn.clh"

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

// All pairs of token t, by the work-items of a group. An angle serves its pair in several groups.
void turn_all(__global float *arena, uint4 out, uint4 in, uint4 how, __global const ulong *frequencies, float magnitude,
        int position, uint t) {
    const uint item = get_local_id(0);
    const uint groups = how.w / how.x;
    // Work-items for each pair.
    const uint share = clamp(NORM_GROUP / how.x, 1u, groups);
    for (uint p = item; p < how.x * share; p += NORM_GROUP) {
        const uint i = p % how.x;
        const float2 angle = turned(frequencies[i], position, magnitude);
        for (uint g = p / how.x; g < groups; g += share) {
            turn(arena, out.x + t * out.y + g * out.w, in.x + t * in.y + g * in.w, how, i, angle);
        }
    }
}

// Column i (of a Q8_0 cache: block i of 32) of token t's row.
void write_one(__global const float *arena, uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, __global uchar *cache,
        uint row_bytes, __global const int *step, uint8 where, uint t, uint i) {
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

#ifdef CACHE_Q8_0
#define ITEMS(columns) ((columns) / 32)
#else
#define ITEMS(columns) (columns)
#endif

// Global ids: column (of a Q8_0 cache: block of 32), token.
__kernel void cache_write(__global const float *arena, uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, uint columns,
        __global uchar *cache, uint row_bytes, __global const int *step, uint8 where) {
    const uint i = get_global_id(0);
    const uint t = get_global_id(1);
    if (i < ITEMS(columns) && t < (uint)step[0]) {
        write_one(arena, a, b, c, d, widths, cache, row_bytes, step, where, t, i);
    }
}

// What goes into the cache: the norm of n columns (of none if n is 0) and the rotation of others, then the write, by one
// work-group for a token; `other` is turned by a second one. Each rotation is out, in, how (see turn.clh), its frequencies among
// the constants, its magnitude. Group ids: which, token.
__kernel __attribute__((reqd_work_group_size(NORM_GROUP, 1, 1))) void append(__global float *arena, uint4 norm_out, uint4 norm_in,
        uint n, __global const float *constants, int norm_weight, float eps, uint4 own_out, uint4 own_in, uint4 own_how,
        uint own_frequencies, float own_magnitude, uint4 other_out, uint4 other_in, uint4 other_how, uint other_frequencies,
        float other_magnitude, uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, uint columns, __global uchar *cache,
        uint row_bytes, __global const int *step, uint8 where) {
    __local float part[NORM_GROUP];
    const uint t = get_group_id(1);
    const int position = step[where.s1 + t];
    __global const ulong *frequencies = (__global const ulong *)constants;
    if (get_group_id(0) == 1) {
        turn_all(arena, other_out, other_in, other_how, frequencies + other_frequencies, other_magnitude, position, t);
        return;
    }
    if (n > 0) {
        norm(part, arena, norm_out.x + t * norm_out.y, norm_in.x + t * norm_in.y, n, constants, norm_weight, eps);
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
    turn_all(arena, own_out, own_in, own_how, frequencies + own_frequencies, own_magnitude, position, t);
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (uint i = get_local_id(0); i < ITEMS(columns); i += NORM_GROUP) {
        write_one(arena, a, b, c, d, widths, cache, row_bytes, step, where, t, i);
    }
}
