// Attention over a cache of halves, on tensor cores: eight heads are the eight columns of a fragment. Queries and weights are sums of
// two halves each, so that results are as good as in F32. A pass takes GROUP keys:
//
//   scores   a warp has 32 keys (rows of a), 32 columns at a time (of which a lane has 8 next to each other)
//   values   a warp has 64 columns (rows of a; a lane has 8 next to each other), 16 keys at a time. With fewer times 64 columns than
//            warps they share the keys, with more a warp has several.
//
// Sums over columns and over keys take them in any order, so fragments are made of what lies together in memory: loads of 16
// bytes, along a row. The cache goes from memory to registers, without a stop in shared memory, the values again out of the caches.
#pragma once
#include "attention/shape.cuh"
#include "mma.cuh"

#define TENSOR_HEADS 8
#define WARPS (GROUP_ITEMS / WARP)
// Columns of a value that a warp has at a time, and how many times at most.
#define VALUE_CHUNK 64
#define MOST_CHUNKS 2
#define MOST_TENSOR_VALUE (VALUE_CHUNK * MOST_CHUNKS * WARPS)
#define KEY_CHUNK 32

static_assert(GROUP_ITEMS == WARPS * 32, "a warp has 32 keys of a pass");

DEVICE bool fits_tensors(const Attention &a) {
    return a.key % KEY_CHUNK == 0 && a.value % VALUE_CHUNK == 0 && a.value <= MOST_TENSOR_VALUE && a.heads <= TENSOR_HEADS;
}

// x as the sum of two halves.
DEVICE void split(float x, ushort &high, ushort &low) {
    const __half h = __float2half_rn(x);
    high = __half_as_ushort(h);
    low = __half_as_ushort(__float2half_rn(x - __half2float(h)));
}

DEVICE uint4 load_row(bytes p) {
    return *(const uint4 *)p;
}

// The power of two that brings a number between 1 and 2, so that halves hold it; 1 for what has none.
DEVICE float normaliser(float most) {
    const uint exponent = __float_as_uint(most) >> 23 & 255;
    return exponent == 0 || exponent >= 254 ? 1 : __uint_as_float((254 - exponent) << 23);
}

DEVICE void attend_tensors(Group group, uint item, const Attention &a) {
    const Shared s(a);
    const Task task(group, a);
    const uint lane = item % WARP;
    const uint warp = item / WARP;
    const uint g = lane / 4;
    const uint t = lane % 4;
    // Columns of fragments without a head repeat the last one; what they give is left out.
    const uint head = min(g, task.heads - 1);
    ushort *query = (ushort *)s.query;
    // From the high halves of the queries to the low ones; of the weights of a head.
    const uint query_low = a.heads * s.query_stride;
    const uint weight_low = GROUP_ITEMS;

    for (uint h = warp; h < task.heads; h += WARPS) {
        float most = 0;
        for (uint c = lane; c < a.key; c += WARP) {
            most = fmaxf(most, fabsf(task.query(a, h, c)));
        }
#pragma unroll
        for (uint offset = WARP / 2; offset > 0; offset /= 2) {
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
        }
        const float by = normaliser(most);
        for (uint c = lane; c < a.key; c += WARP) {
            ushort *to = query + h * s.query_stride + c;
            split(by * task.query(a, h, c), to[0], to[query_low]);
        }
        if (lane == 0) {
            s.greatest[h] = -INFINITY;
            s.total[h] = 0;
            s.scale[h] = a.scale / by;
        }
    }
    const uint chunks = a.value / VALUE_CHUNK;
    const uint slices = chunks < WARPS ? WARPS / chunks : 1;
    const uint slice = warp / chunks;
    float sums[MOST_CHUNKS][4][4] = {};

    for (uint j0 = task.from; j0 < task.to; j0 += GROUP_ITEMS) {
        const uint keys = min(task.to - j0, (uint)GROUP_ITEMS);
        find_rows(a, task, s, item, j0, keys);
        __syncthreads();
        if (32 * warp < keys) {
            float scores[2][4] = {};
            bytes row[2][2];
#pragma unroll
            for (uint m = 0; m < 2; m++) {
#pragma unroll
                for (uint i = 0; i < 2; i++) {
                    row[m][i] = a.cache + s.rows[32 * warp + 16 * m + 8 * i + g] + 2 * (task.key_head * a.key + 8 * t);
                }
            }
            const ushort *q = query + head * s.query_stride + 8 * t;
#pragma unroll 2
            for (uint c = 0; c < a.key; c += KEY_CHUNK) {
                const uint4 high = *(const uint4 *)(q + c);
                const uint4 low = *(const uint4 *)(q + query_low + c);
                const uint b[2][2][2] = {{{high.x, high.y}, {high.z, high.w}}, {{low.x, low.y}, {low.z, low.w}}};
#pragma unroll
                for (uint m = 0; m < 2; m++) {
                    const uint4 k0 = load_row(row[m][0] + 2 * c);
                    const uint4 k1 = load_row(row[m][1] + 2 * c);
                    const uint k[2][4] = {{k0.x, k1.x, k0.y, k1.y}, {k0.z, k1.z, k0.w, k1.w}};
#pragma unroll
                    for (uint i = 0; i < 2; i++) {
                        mma_f16(scores[m], k[i], b[0][i]);
                        mma_f16(scores[m], k[i], b[1][i]);
                    }
                }
            }
#pragma unroll
            for (uint m = 0; m < 2; m++) {
#pragma unroll
                for (uint i = 0; i < 4; i++) {
                    const uint h = 2 * t + i % 2;
                    if (h < task.heads) {
                        s.of(h)[32 * warp + 16 * m + 8 * (i / 2) + g] = capped(a, s.scale[h] * scores[m][i]);
                    }
                }
            }
        }
        __syncthreads();
        weigh(task, s, item, keys, [&](uint h, uint j, float w) {
            ushort *to = (ushort *)s.of(h) + j;
            split(w, to[0], to[weight_low]);
        });
        __syncthreads();
        float correction[2];
#pragma unroll
        for (uint i = 0; i < 2; i++) {
            correction[i] = s.correction[min(2 * t + i, task.heads - 1)];
        }
#pragma unroll
        for (uint n = 0; n < MOST_CHUNKS; n++) {
#pragma unroll
            for (uint m = 0; m < 4; m++) {
#pragma unroll
                for (uint i = 0; i < 4; i++) {
                    sums[n][m][i] *= correction[i % 2];
                }
            }
        }
        // Keys beyond the end have no weight.
        for (uint j = 16 * slice; j < keys && slice < slices; j += 16 * slices) {
            const ushort *w = (const ushort *)s.of(head) + j + 2 * t;
            const uint high[2] = {*(const uint *)w, *(const uint *)(w + 8)};
            const uint low[2] = {*(const uint *)(w + weight_low), *(const uint *)(w + weight_low + 8)};
            bytes row[4];
#pragma unroll
            for (uint i = 0; i < 4; i++) {
                const uint column = a.shape.first_value + task.key_head * a.shape.value_stride + 8 * g;
                row[i] = a.cache + s.rows[j + i / 2 * 8 + 2 * t + i % 2] + 2 * column;
            }
#pragma unroll
            for (uint n = 0; n < MOST_CHUNKS; n++) {
                const uint chunk = warp % min(chunks, (uint)WARPS) + n * WARPS;
                // The same for a whole warp.
                if (chunk >= chunks) {
                    break;
                }
                uint value[4][4];
#pragma unroll
                for (uint i = 0; i < 4; i++) {
                    const uint4 v = load_row(row[i] + 2 * VALUE_CHUNK * chunk);
                    value[i][0] = v.x;
                    value[i][1] = v.y;
                    value[i][2] = v.z;
                    value[i][3] = v.w;
                }
                // Row g of a fragment is column 8 g + 2 m of the chunk, row g + 8 the next one.
#pragma unroll
                for (uint m = 0; m < 4; m++) {
                    const uint v[4] = {__byte_perm(value[0][m], value[1][m], 0x5410), __byte_perm(value[0][m], value[1][m], 0x7632),
                            __byte_perm(value[2][m], value[3][m], 0x5410), __byte_perm(value[2][m], value[3][m], 0x7632)};
                    mma_f16(sums[n][m], v, high);
                    mma_f16(sums[n][m], v, low);
                }
            }
        }
        __syncthreads();
    }
    // The slices one after the other.
    for (uint turn = 0; turn < slices; turn++) {
        if (slice == turn) {
#pragma unroll
            for (uint n = 0; n < MOST_CHUNKS; n++) {
                const uint chunk = warp % min(chunks, (uint)WARPS) + n * WARPS;
#pragma unroll
                for (uint m = 0; m < 4; m++) {
#pragma unroll
                    for (uint i = 0; i < 4; i++) {
                        const uint h = 2 * t + i % 2;
                        if (chunk < chunks && h < task.heads) {
                            float *sum = s.query + h * a.value + VALUE_CHUNK * chunk + 8 * g + 2 * m + i / 2;
                            *sum = (turn == 0 ? 0 : *sum) + sums[n][m][i];
                        }
                    }
                }
            }
        }
        __syncthreads();
    }
    give(a, task, s, group, item);
}
