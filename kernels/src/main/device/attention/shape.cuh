// What attention is given, what a group of it has to do, and what it keeps in shared memory.
#pragma once
#include "attention/cache.cuh"
#include "last.cuh"

#define GROUP_ITEMS ATTENTION_GROUP
// Cells between the queries, and between the weights, of two heads, so that lanes that read both meet in fewer banks.
#define QUERY_GAP 32
#define WEIGHT_GAP 4

struct Shape {
    // Query heads for each key head, column of the first value, columns from value to value, window (0: none), cache row bytes,
    // heads in all.
    uint ratio, first_value, value_stride, window, row_bytes, heads, unused0, unused1;
};

struct Attention {
    float *arena;
    uint4 q, q_rest, out;
    bytes cache;
    const int *step;
    Where where;
    Shape shape;
    float scale, soft_cap;
    // Partial results: for each token, head and part the greatest score, the sum of the weights, and the weighted sums; before
    // them, in the first of four cells, the number of parts.
    uint partials;
    // Where the tickets are, one for each head group of each token; parts up to which the last group puts them together.
    uint tickets, merged;
    // Query heads of a group, columns of a key, of the first part of the query (the rest is from a second view), of a value.
    uint heads, key, query, value;
};

// A token, up to a.heads query heads from head0 on that share a key head, the positions from ... to - 1.
struct Task {
    uint t, parts, part, key_head, head0, heads, sequence, from, to;

    DEVICE_MEMBER Task(Group group, const Attention &a) : t(group.z), parts(group.all_x), part(group.x) {
        const uint blocks = (a.shape.ratio + a.heads - 1) / a.heads;
        const uint in_group = group.y % blocks * a.heads;
        key_head = group.y / blocks;
        head0 = key_head * a.shape.ratio + in_group;
        heads = min(a.shape.ratio - in_group, a.heads);
        sequence = a.step[a.where.sequence + t];
        const uint end = (uint)a.step[a.where.position + t] + 1;
        const uint begin = a.shape.window > 0 && end > a.shape.window ? end - a.shape.window : 0;
        // Whole passes for each part.
        const uint each = ((end - begin + parts - 1) / parts + GROUP_ITEMS - 1) / GROUP_ITEMS * GROUP_ITEMS;
        from = begin + part * each;
        to = min(from + each, end);
    }

    // Column c of the query of a head.
    DEVICE_MEMBER float query(const Attention &a, uint h, uint c) const {
        return c < a.query ? a.arena[a.q.x + t * a.q.y + (head0 + h) * a.q.w + c]
                           : a.arena[a.q_rest.x + t * a.q_rest.y + (head0 + h) * a.q_rest.w + c - a.query];
    }
};

DEVICE uint upto16(uint bytes) {
    return (bytes + 15) / 16 * 16;
}

// What a group keeps in shared memory.
//
//   sm   query: heads x (key + gap) f32, at the end heads x value | weights: heads x (GROUP + gap) f32
//        | greatest, correction, total, scale: heads f32 each | rows: GROUP x u64
struct Shared {
    float *query, *weights, *greatest, *correction, *total, *scale;
    ulong64 *rows;
    uint query_stride;

    DEVICE_MEMBER explicit Shared(const Attention &a) : query_stride(a.key + QUERY_GAP) {
        unsigned char *at = sm;
        query = (float *)at;
        at += upto16(4 * a.heads * (max(a.key, a.value) + QUERY_GAP));
        weights = (float *)at;
        at += upto16(4 * a.heads * (GROUP_ITEMS + WEIGHT_GAP));
        greatest = (float *)at;
        correction = greatest + a.heads;
        total = correction + a.heads;
        scale = total + a.heads;
        at += upto16(16 * a.heads);
        rows = (ulong64 *)at;
    }

    // Weights of a head, by key.
    DEVICE_MEMBER float *of(uint h) const {
        return weights + h * (GROUP_ITEMS + WEIGHT_GAP);
    }
};

DEVICE float capped(const Attention &a, float score) {
    return a.soft_cap > 0 ? a.soft_cap * tanhf(score / a.soft_cap) : score;
}

// Where the keys of a pass lie; beyond the end the last one again.
DEVICE void find_rows(const Attention &a, const Task &task, const Shared &s, uint item, uint j0, uint keys) {
    s.rows[item] = (ulong64)cache_row(a.step, a.where, task.sequence, j0 + min(item, keys - 1)) * a.shape.row_bytes;
}

// The scores of a pass become weights, by a warp for every few heads: `put(h, j, w)` takes that of key j, of all GROUP_ITEMS, once all
// scores of the head are read.
template <class Put> DEVICE void weigh(const Task &task, const Shared &s, uint item, uint keys, Put put) {
    const uint lane = item % WARP;
    for (uint h = item / WARP; h < task.heads; h += GROUP_ITEMS / WARP) {
        const float *scores = s.of(h);
        const float before = s.greatest[h];
        float mine[GROUP_ITEMS / WARP];
        float most = before;
#pragma unroll
        for (uint i = 0; i < GROUP_ITEMS / WARP; i++) {
            const uint j = i * WARP + lane;
            mine[i] = j < keys ? scores[j] : -INFINITY;
            most = fmaxf(most, mine[i]);
        }
#pragma unroll
        for (uint offset = WARP / 2; offset > 0; offset /= 2) {
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
        }
        float sum = 0;
#pragma unroll
        for (uint i = 0; i < GROUP_ITEMS / WARP; i++) {
            mine[i] = expf(mine[i] - most);
            sum += mine[i];
        }
        sum = warp_sum(sum);
        // All lanes have read their scores.
        __syncwarp();
#pragma unroll
        for (uint i = 0; i < GROUP_ITEMS / WARP; i++) {
            put(h, i * WARP + lane, mine[i]);
        }
        if (lane == 0) {
            const float correction = expf(before - most);
            s.correction[h] = correction;
            s.greatest[h] = most;
            s.total[h] = s.total[h] * correction + sum;
        }
    }
}

// The parts of a head of a token, one after the other: the greatest score, the sum of the weights, and the weighted sums.
DEVICE float *partial_of(const Attention &a, uint t, uint head, uint parts) {
    return a.arena + a.partials + 4 + (t * a.shape.heads + head) * parts * (a.value + 2);
}

// Loads of an item that are under way at a time, when parts are put together: one group has to keep its multiprocessor busy.
#define COLUMNS_AHEAD 4
#define PARTS_AHEAD 8

// Puts the parts of some heads together, of which there are as many as a warp has lanes at most. `partial` are the results of the first
// head's parts, `weights` numbers in shared memory, `out` the first head's sums. Once for all kernels, for the size of the PTX.
static __device__ __noinline__ void merge_parts(uint item, const float *partial, float *weights, float *out, uint out_stride,
        uint heads, uint parts, uint value) {
    const uint lane = item % WARP;
    const uint stride = value + 2;
    // What each part counts for.
    for (uint h = item / WARP; h < heads; h += GROUP_ITEMS / WARP) {
        const float *mine = partial + (h * parts + min(lane, parts - 1)) * stride;
        float most = mine[0];
#pragma unroll
        for (uint offset = WARP / 2; offset > 0; offset /= 2) {
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
        }
        const float w = lane < parts ? expf(mine[0] - most) : 0;
        const float total = warp_sum(w * mine[1]);
        weights[h * WARP + lane] = w / total;
    }
    __syncthreads();
    const uint all = heads * value;
    for (uint base = item; base < all; base += COLUMNS_AHEAD * GROUP_ITEMS) {
        const float *from[COLUMNS_AHEAD], *w[COLUMNS_AHEAD];
        float sums[COLUMNS_AHEAD] = {};
#pragma unroll
        for (uint k = 0; k < COLUMNS_AHEAD; k++) {
            const uint e = min(base + k * GROUP_ITEMS, all - 1);
            from[k] = partial + e / value * parts * stride + 2 + e % value;
            w[k] = weights + e / value * WARP;
        }
        for (uint part = 0; part < parts; part += PARTS_AHEAD) {
            float values[PARTS_AHEAD][COLUMNS_AHEAD];
#pragma unroll
            for (uint i = 0; i < PARTS_AHEAD; i++) {
#pragma unroll
                for (uint k = 0; k < COLUMNS_AHEAD; k++) {
                    values[i][k] = from[k][min(part + i, parts - 1) * stride];
                }
            }
#pragma unroll
            for (uint i = 0; i < PARTS_AHEAD; i++) {
#pragma unroll
                for (uint k = 0; k < COLUMNS_AHEAD; k++) {
                    sums[k] += part + i < parts ? w[k][part + i] * values[i][k] : 0;
                }
            }
        }
#pragma unroll
        for (uint k = 0; k < COLUMNS_AHEAD; k++) {
            const uint e = base + k * GROUP_ITEMS;
            if (e < all) {
                out[e / value * out_stride + e % value] = sums[k];
            }
        }
    }
}

// Weighted sums, which lie where the query was, as heads x value: the result, or what is put together of parts, by the last group
// to finish or by a launch of its own.
DEVICE void give(const Attention &a, const Task &task, const Shared &s, Group group, uint item) {
    if (task.parts > 1 && item == 0 && task.part == 0 && group.y == 0 && task.t == 0) {
        ((uint *)a.arena)[a.partials] = task.parts;
    }
    for (uint e = item; e < task.heads * a.value; e += GROUP_ITEMS) {
        const uint h = e / a.value;
        const uint c = e % a.value;
        const uint head = task.head0 + h;
        if (task.parts == 1) {
            a.arena[a.out.x + task.t * a.out.y + head * a.out.w + c] = s.query[e] / s.total[h];
        } else {
            float *partial = partial_of(a, task.t, head, task.parts) + task.part * (a.value + 2);
            partial[2 + c] = s.query[e];
            if (c == 0) {
                partial[0] = s.greatest[h];
                partial[1] = s.total[h];
            }
        }
    }
    if (task.parts > 1 && task.parts <= a.merged
            && is_last((uint *)a.arena + a.tickets + task.t * group.all_y + group.y, task.parts, item, (uint *)s.rows)) {
        merge_parts(item, partial_of(a, task.t, task.head0, task.parts), s.weights, a.arena + a.out.x + task.t * a.out.y
                + task.head0 * a.out.w, a.out.w, task.heads, task.parts, a.value);
    }
}
