// Appends this step's rows to a cache. The row is up to four views side by side; `widths` are their columns. Moves each row once.
//
//   cache_write   items: column (of a Q8_0 cache: block of 32), token
//   append        a group for a token: the norm and the rotation of what is written, first
#include "attention/cache.cuh"
#include "rows/norm.cuh"
#include "rows/turn.cuh"

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

// Column i (of a Q8_0 cache: block i of 32) of token t's row.
template <class C>
DEVICE void write_one(const float *arena, const Joined &joined, uint8_t *cache, uint row_bytes, const int *step,
        const Where &where, uint t, uint i) {
    const uint position = step[where.position + t];
    uint8_t *row = cache + (ulong64)cache_row(step, where, step[where.sequence + t], position) * row_bytes;
    put(C(), arena, joined, t, i, row);
}

template <class C>
DEVICE void cache_write(Group group, uint item, const float *arena, const Joined &joined, uint columns, uint8_t *cache,
        uint row_bytes, const int *step, const Where &where) {
    const uint i = group.x * ROW_GROUP + item;
    const uint t = group.y;
    if (i < columns / C::COLUMNS && t < (uint)step[0]) {
        write_one<C>(arena, joined, cache, row_bytes, step, where, t, i);
    }
}

// A rotation: out, in, how (see turn.cuh), its frequencies among the constants, its magnitude.
struct Turn {
    uint4 out, in, how;
    uint frequencies;
    float magnitude;
};

// All pairs of token t, by the items of a group. An angle serves its pair in several groups of columns.
DEVICE void turn_all(uint item, float *arena, const Turn &by, const float *constants, int position, uint t) {
    const ulong64 *frequencies = (const ulong64 *)constants + by.frequencies;
    const uint groups = by.how.w / by.how.x;
    // Items for each pair.
    const uint share = min(max(NORM_GROUP / by.how.x, 1u), groups);
    for (uint p = item; p < by.how.x * share; p += NORM_GROUP) {
        const uint i = p % by.how.x;
        const float2 angle = turned(frequencies[i], position, by.magnitude);
        for (uint g = p / by.how.x; g < groups; g += share) {
            turn(arena, by.out.x + t * by.out.y + g * by.out.w, by.in.x + t * by.in.y + g * by.in.w, by.how, i, angle);
        }
    }
}

// What goes into the cache: the norm of n columns (of none if n is 0) and the rotation of others, then the write, by one group
// for a token; `other` is turned by a second one. Group ids: which, token.
template <class C>
DEVICE void append(Group group, uint item, float *part, float *arena, uint4 norm_out, uint4 norm_in, uint n,
        const float *constants, int norm_weight, float eps, const Turn &own, const Turn &other, const Joined &joined, uint columns,
        uint8_t *cache, uint row_bytes, const int *step, const Where &where) {
    const uint t = group.y;
    const int position = step[where.position + t];
    if (group.x == 1) {
        turn_all(item, arena, other, constants, position, t);
        return;
    }
    if (n > 0) {
        norm(item, part, arena, norm_out.x + t * norm_out.y, norm_in.x + t * norm_in.y, n, constants, norm_weight, eps);
        __syncthreads();
    }
    turn_all(item, arena, own, constants, position, t);
    __syncthreads();
    for (uint i = item; i < columns / C::COLUMNS; i += NORM_GROUP) {
        write_one<C>(arena, joined, cache, row_bytes, step, where, t, i);
    }
}

#define TARGET_ARGUMENTS                                                                                                       \
    uint4 a, uint4 b, uint4 c, uint4 d, uint4 widths, uint columns, uint8_t *cache, uint row_bytes, const int *step, Where where
#define APPEND_ARGUMENTS                                                                                                       \
    float *arena, uint4 norm_out, uint4 norm_in, uint n, const float *constants, int norm_weight, float eps, uint4 own_out,    \
            uint4 own_in, uint4 own_how, uint own_frequencies, float own_magnitude, uint4 other_out, uint4 other_in,           \
            uint4 other_how, uint other_frequencies, float other_magnitude
#define OWN                                                                                                                    \
    { own_out, own_in, own_how, own_frequencies, own_magnitude }
#define OTHER                                                                                                                  \
    { other_out, other_in, other_how, other_frequencies, other_magnitude }

#define KERNELS(TYPE)                                                                                                          \
    KERNEL(ROW_GROUP) cache_write_##TYPE(const float *arena, TARGET_ARGUMENTS) {                                               \
        cache_write<Cache##TYPE>(this_group(), threadIdx.x, arena, {a, b, c, d, widths}, columns, cache, row_bytes, step, where); \
    }                                                                                                                          \
    KERNEL(NORM_GROUP) append_##TYPE(APPEND_ARGUMENTS, TARGET_ARGUMENTS) {                                                     \
        __shared__ float part[NORM_PART];                                                                                      \
        append<Cache##TYPE>(this_group(), threadIdx.x, part, arena, norm_out, norm_in, n, constants, norm_weight, eps, OWN, OTHER, \
                {a, b, c, d, widths}, columns, cache, row_bytes, step, where);                                                 \
    }

KERNELS(F32)
KERNELS(F16)
KERNELS(Q8_0)
