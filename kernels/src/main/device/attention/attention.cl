// Attention of this step's tokens over the pages of their sequences, with an online softmax (Milakov and Gimelshein, arXiv
// 1805.02867). A work-group has a token, up to HEADS query heads that share a key head, and a part of the positions; parts are
// put together by merge. Latent attention is the case of one key head whose value is the first part of the key.
//
//   KEY, VALUE      columns of a key and of a value
//   QUERY           columns of the first part of the query; the rest comes from a second view
//   HEADS           query heads of a work-group
//   GROUP           work-items of a work-group, and keys of a pass
//   WIDE_SUMS       whether a work-item's vectors have 16 columns (vector units) or 4 (GPUs)
//   CACHE_...       see cache.clh
#include "attention/cache.clh"

#if WIDE_SUMS && KEY % 16 == 0 && VALUE % 16 == 0
#define WIDTH 16
typedef float16 columns_t;
#define CACHED cached16
#define LOAD(p) vload16(0, p)
#define STORE(v, p) vstore16(v, 0, p)
#define SUM(v) sum16(v)
#elif KEY % 4 == 0 && VALUE % 4 == 0
#define WIDTH 4
typedef float4 columns_t;
#define CACHED cached4
#define LOAD(p) vload4(0, p)
#define STORE(v, p) vstore4(v, 0, p)
#define SUM(v) ((v).x + (v).y + (v).z + (v).w)
#else
#define WIDTH 1
typedef float columns_t;
#define CACHED cached1
#define LOAD(p) (*(p))
#define STORE(v, p) (*(p) = (v))
#define SUM(v) (v)
#endif

// Passes over the columns of a value.
#define STRIPES ((VALUE + GROUP * WIDTH - 1) / (GROUP * WIDTH))

// shape: s0 query heads for each key head, s1 column of the first value, s2 columns from value to value, s3 window (0: none),
// s4 cache row bytes, s5 heads in all. Partial results at `partials`: for each token, head and part the greatest score, the sum
// of the weights, and the weighted sums; before them, in the first of four cells, the number of parts. Group ids: part, heads,
// token.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void attend(__global float *arena, uint4 q, uint4 q_rest, uint4 out,
        __global const uchar *cache, __global const int *step, uint8 where, uint8 shape, float scale, float soft_cap,
        uint partials) {
    __local float query[HEADS * KEY];
    __local float weights[HEADS * GROUP];
    __local float greatest[HEADS];
    __local float correction[HEADS];
    __local ulong row_at[GROUP];
    const uint item = get_local_id(0);
    const uint t = get_group_id(2);
    const uint parts = get_num_groups(0);
    const uint part = get_group_id(0);
    const uint blocks = (shape.s0 + HEADS - 1) / HEADS;
    const uint key_head = get_group_id(1) / blocks;
    const uint in_group = get_group_id(1) % blocks * HEADS;
    const uint head0 = key_head * shape.s0 + in_group;
    const uint heads = min(shape.s0 - in_group, (uint)HEADS);
    const uint sequence = step[where.s2 + t];
    const uint end = (uint)step[where.s1 + t] + 1;
    const uint begin = shape.s3 > 0 && end > shape.s3 ? end - shape.s3 : 0;
    // Whole passes for each part.
    const uint each = ((end - begin + parts - 1) / parts + GROUP - 1) / GROUP * GROUP;
    const uint from = begin + part * each;
    const uint to = min(from + each, end);

    if (parts > 1 && item == 0 && part == 0 && get_group_id(1) == 0 && t == 0) {
        ((__global uint *)arena)[partials] = parts;
    }
    for (uint e = item; e < HEADS * KEY; e += GROUP) {
        const uint h = e / KEY;
        const uint c = e % KEY;
        float x = 0;
        if (h < heads) {
            x = c < QUERY ? arena[q.x + t * q.y + (head0 + h) * q.w + c]
                          : arena[q_rest.x + t * q_rest.y + (head0 + h) * q_rest.w + c - QUERY];
        }
        query[e] = x;
    }
    for (uint h = item; h < HEADS; h += GROUP) {
        greatest[h] = -INFINITY;
    }
    columns_t sums[HEADS * STRIPES];
    float total[HEADS];
#pragma unroll
    for (uint i = 0; i < HEADS * STRIPES; i++) {
        sums[i] = 0;
    }
#pragma unroll
    for (uint h = 0; h < HEADS; h++) {
        total[h] = 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (uint j0 = from; j0 < to; j0 += GROUP) {
        const uint keys = min(to - j0, (uint)GROUP);
        if (item < keys) {
            const ulong at = (ulong)cache_row(step, where, sequence, j0 + item) * shape.s4;
            row_at[item] = at;
            columns_t dots[HEADS];
#pragma unroll
            for (uint h = 0; h < HEADS; h++) {
                dots[h] = 0;
            }
            // Not more at a time: a whole key in registers would spill.
#pragma unroll 2
            for (uint c = 0; c < KEY; c += WIDTH) {
                const columns_t k = CACHED(cache + at, key_head * KEY + c);
#pragma unroll
                for (uint h = 0; h < HEADS; h++) {
                    dots[h] += k * LOAD(query + h * KEY + c);
                }
            }
#pragma unroll
            for (uint h = 0; h < HEADS; h++) {
                const float score = scale * SUM(dots[h]);
                weights[h * GROUP + item] = soft_cap > 0 ? soft_cap * tanh(score / soft_cap) : score;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint h = item; h < HEADS; h += GROUP) {
            float most = greatest[h];
            for (uint k = 0; k < keys; k++) {
                most = fmax(most, weights[h * GROUP + k]);
            }
            correction[h] = exp(greatest[h] - most);
            greatest[h] = most;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < keys) {
#pragma unroll
            for (uint h = 0; h < HEADS; h++) {
                weights[h * GROUP + item] = exp(weights[h * GROUP + item] - greatest[h]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (uint h = 0; h < HEADS; h++) {
            total[h] *= correction[h];
#pragma unroll
            for (uint i = 0; i < STRIPES; i++) {
                sums[h * STRIPES + i] *= correction[h];
            }
        }
        for (uint k = 0; k < keys; k++) {
            columns_t value[STRIPES];
#pragma unroll
            for (uint i = 0; i < STRIPES; i++) {
                const uint c = (i * GROUP + item) * WIDTH;
                value[i] = 0;
                if (c < VALUE) {
                    value[i] = CACHED(cache + row_at[k], shape.s1 + key_head * shape.s2 + c);
                }
            }
#pragma unroll
            for (uint h = 0; h < HEADS; h++) {
                const float w = weights[h * GROUP + k];
                total[h] += w;
#pragma unroll
                for (uint i = 0; i < STRIPES; i++) {
                    sums[h * STRIPES + i] += w * value[i];
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

#pragma unroll
    for (uint h = 0; h < HEADS; h++) {
        if (h < heads) {
            __global float *partial = arena + partials + 4 + ((t * shape.s5 + head0 + h) * parts + part) * (VALUE + 2);
            __global float *to_row = parts == 1 ? arena + out.x + t * out.y + (head0 + h) * out.w : partial + 2;
            const float factor = parts == 1 ? 1 / total[h] : 1;
            if (parts > 1 && item == 0) {
                partial[0] = greatest[h];
                partial[1] = total[h];
            }
#pragma unroll
            for (uint i = 0; i < STRIPES; i++) {
                const uint c = (i * GROUP + item) * WIDTH;
                if (c < VALUE) {
                    STORE(sums[h * STRIPES + i] * factor, to_row + c);
                }
            }
        }
    }
}

// Puts the parts together. Global ids: column, head, token.
__kernel void merge(__global float *arena, uint4 out, uint heads, uint partials) {
    const uint c = get_global_id(0);
    const uint h = get_global_id(1);
    const uint t = get_global_id(2);
    if (c >= VALUE) {
        return;
    }
    const uint parts = ((__global const uint *)arena)[partials];
    __global const float *partial = arena + partials + 4 + (t * heads + h) * parts * (VALUE + 2);
    float most = -INFINITY;
    for (uint s = 0; s < parts; s++) {
        most = fmax(most, partial[s * (VALUE + 2)]);
    }
    float sum = 0;
    float total = 0;
    for (uint s = 0; s < parts; s++) {
        const float w = exp(partial[s * (VALUE + 2)] - most);
        total += w * partial[s * (VALUE + 2) + 1];
        sum += w * partial[s * (VALUE + 2) + 2 + c];
    }
    arena[out.x + t * out.y + h * out.w + c] = sum / total;
}
