// Attention of this step's tokens over the pages of their sequences, with an online softmax (Milakov and Gimelshein, arXiv
// 1805.02867). A group has a token, up to HEADS query heads that share a key head, and a part of the positions; parts are put
// together by merge. Latent attention is the case of one key head whose value is the first part of the key.
//
// A pass takes GROUP keys, KEYS_A_TURN of them at a time:
//
//   scores   item     0 ... 7: key 0 | 8 ... 15: key 1 | ... | 120 ... 127: key 15;    each 4 columns of 32, then the next 32
//   values   item     0 ... p-1: columns 0 ... 3, 4 ... 7, ... of the values of keys 0, s, 2s ... | p ... 2p-1: of keys 1, s + 1 ...
//
// where p items have all columns of a value (4 each, STRIPES times), and s = GROUP / p. What those s slices summed is added up
// at the end. A cache row is so read along its columns, from memory once, for the values again from the caches.
//
// Moves parts of the cache once for each block of HEADS heads: (KEY + VALUE, or KEY) cached columns for each position, against
// 2 HEADS (KEY + VALUE) operations: bound by memory up to about 8 heads, by arithmetic for 16 and more.
#include "attention/cache.cuh"

#define GROUP_ITEMS ATTENTION_GROUP
#define ITEMS_A_KEY 8
#define KEYS_A_TURN (GROUP_ITEMS / ITEMS_A_KEY)
#define MOST_STRIPES 4

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
    // Query heads of a group, columns of a key, of the first part of the query (the rest is from a second view), of a value.
    uint heads, key, query, value;
};

DEVICE uint upto16(uint bytes) {
    return (bytes + 15) / 16 * 16;
}

// What a group keeps in shared memory.
//
//   sm   query: heads x key f32, at the end heads x value | weights: GROUP x heads | greatest, correction: heads each
//        | rows: GROUP x u64
struct Shared {
    float *query, *weights, *greatest, *correction;
    ulong64 *rows;

    DEVICE_MEMBER explicit Shared(const Attention &a) {
        unsigned char *at = sm;
        query = (float *)at;
        at += upto16(4 * a.heads * max(a.key, a.value));
        weights = (float *)at;
        at += upto16(4 * a.heads * GROUP_ITEMS);
        greatest = (float *)at;
        correction = greatest + a.heads;
        at += upto16(8 * a.heads);
        rows = (ulong64 *)at;
    }
};

// C is how the cache is kept, H the heads of a group at most, STRIPES and WIDTH: see above.
template <class C, uint H, uint STRIPES, uint WIDTH> DEVICE void attend(Group group, uint item, const Attention &a) {
    const Shared s(a);
    const uint t = group.z;
    const uint parts = group.all_x;
    const uint part = group.x;
    const uint blocks = (a.shape.ratio + a.heads - 1) / a.heads;
    const uint key_head = group.y / blocks;
    const uint in_group = group.y % blocks * a.heads;
    const uint head0 = key_head * a.shape.ratio + in_group;
    const uint heads = min(a.shape.ratio - in_group, a.heads);
    const uint sequence = a.step[a.where.sequence + t];
    const uint end = (uint)a.step[a.where.position + t] + 1;
    const uint begin = a.shape.window > 0 && end > a.shape.window ? end - a.shape.window : 0;
    // Whole passes for each part.
    const uint each = ((end - begin + parts - 1) / parts + GROUP_ITEMS - 1) / GROUP_ITEMS * GROUP_ITEMS;
    const uint from = begin + part * each;
    const uint to = min(from + each, end);

    if (parts > 1 && item == 0 && part == 0 && group.y == 0 && t == 0) {
        ((uint *)a.arena)[a.partials] = parts;
    }
    for (uint e = item; e < heads * a.key; e += GROUP_ITEMS) {
        const uint h = e / a.key;
        const uint c = e % a.key;
        s.query[e] = c < a.query ? a.arena[a.q.x + t * a.q.y + (head0 + h) * a.q.w + c]
                                 : a.arena[a.q_rest.x + t * a.q_rest.y + (head0 + h) * a.q_rest.w + c - a.query];
    }
    for (uint h = item; h < heads; h += GROUP_ITEMS) {
        s.greatest[h] = -INFINITY;
    }
    const uint items = min((a.value + STRIPES * WIDTH - 1) / (STRIPES * WIDTH), (uint)GROUP_ITEMS);
    const uint slices = GROUP_ITEMS / items;
    const uint slice = item / items;
    const uint c0 = item % items * WIDTH;
    float sums[H][STRIPES][WIDTH] = {};
    float total[H] = {};
    __syncthreads();

    for (uint j0 = from; j0 < to; j0 += GROUP_ITEMS) {
        const uint keys = min(to - j0, (uint)GROUP_ITEMS);
        if (item < keys) {
            s.rows[item] = (ulong64)cache_row(a.step, a.where, sequence, j0 + item) * a.shape.row_bytes;
        }
        __syncthreads();
        const uint lane = item % ITEMS_A_KEY;
        for (uint k0 = 0; k0 < keys; k0 += KEYS_A_TURN) {
            const uint j = k0 + item / ITEMS_A_KEY;
            // Beyond the end the last key again, so that all items of a warp meet in the sum.
            bytes row = a.cache + s.rows[min(j, keys - 1)];
            float dots[H] = {};
            for (uint c = lane * WIDTH; c < a.key; c += ITEMS_A_KEY * WIDTH) {
                float k[WIDTH];
                if constexpr (WIDTH == 4) {
                    C::load4(row, key_head * a.key + c, k);
                } else {
                    k[0] = C::load1(row, key_head * a.key + c);
                }
#pragma unroll
                for (uint h = 0; h < H; h++) {
                    if (h < heads) {
                        const float *query = s.query + h * a.key + c;
                        if constexpr (WIDTH == 4) {
                            const float4 x = *(const float4 *)query;
                            dots[h] += k[0] * x.x + k[1] * x.y + (k[2] * x.z + k[3] * x.w);
                        } else {
                            dots[h] += k[0] * query[0];
                        }
                    }
                }
            }
#pragma unroll
            for (uint h = 0; h < H; h++) {
                if (h < heads) {
#pragma unroll
                    for (uint offset = ITEMS_A_KEY / 2; offset > 0; offset /= 2) {
                        dots[h] += __shfl_xor_sync(0xffffffffu, dots[h], offset);
                    }
                    if (lane == h && j < keys) {
                        const float score = a.scale * dots[h];
                        s.weights[j * a.heads + h] = a.soft_cap > 0 ? a.soft_cap * tanhf(score / a.soft_cap) : score;
                    }
                }
            }
        }
        __syncthreads();
        // A warp for every few heads.
        for (uint h = item / WARP; h < heads; h += GROUP_ITEMS / WARP) {
            float most = s.greatest[h];
            for (uint j = item % WARP; j < keys; j += WARP) {
                most = fmaxf(most, s.weights[j * a.heads + h]);
            }
#pragma unroll
            for (uint offset = WARP / 2; offset > 0; offset /= 2) {
                most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
            }
            for (uint j = item % WARP; j < keys; j += WARP) {
                s.weights[j * a.heads + h] = expf(s.weights[j * a.heads + h] - most);
            }
            __syncwarp();
            if (item % WARP == 0) {
                s.correction[h] = expf(s.greatest[h] - most);
                s.greatest[h] = most;
            }
        }
        __syncthreads();
#pragma unroll
        for (uint h = 0; h < H; h++) {
            const float correction = h < heads ? s.correction[h] : 0;
            total[h] *= correction;
#pragma unroll
            for (uint i = 0; i < STRIPES; i++) {
#pragma unroll
                for (uint k = 0; k < WIDTH; k++) {
                    sums[h][i][k] *= correction;
                }
            }
        }
        for (uint j = slice; j < keys && slice < slices; j += slices) {
            bytes row = a.cache + s.rows[j];
            float value[STRIPES][WIDTH] = {};
#pragma unroll
            for (uint i = 0; i < STRIPES; i++) {
                const uint c = i * items * WIDTH + c0;
                if (c < a.value) {
                    const uint column = a.shape.first_value + key_head * a.shape.value_stride + c;
                    if constexpr (WIDTH == 4) {
                        C::load4(row, column, value[i]);
                    } else {
                        value[i][0] = C::load1(row, column);
                    }
                }
            }
#pragma unroll
            for (uint h = 0; h < H; h++) {
                const float w = h < heads ? s.weights[j * a.heads + h] : 0;
                total[h] += w;
#pragma unroll
                for (uint i = 0; i < STRIPES; i++) {
#pragma unroll
                    for (uint k = 0; k < WIDTH; k++) {
                        sums[h][i][k] += w * value[i][k];
                    }
                }
            }
        }
        __syncthreads();
    }

    // The slices one after the other, in the memory of the query; their totals in that of the corrections.
    for (uint turn = 0; turn < slices; turn++) {
        if (slice == turn) {
#pragma unroll
            for (uint h = 0; h < H; h++) {
                if (h < heads) {
#pragma unroll
                    for (uint i = 0; i < STRIPES; i++) {
#pragma unroll
                        for (uint k = 0; k < WIDTH; k++) {
                            const uint c = i * items * WIDTH + c0 + k;
                            if (c < a.value) {
                                float *sum = s.query + h * a.value + c;
                                *sum = (turn == 0 ? 0 : *sum) + sums[h][i][k];
                            }
                        }
                    }
                    if (item % items == 0) {
                        s.correction[h] = (turn == 0 ? 0 : s.correction[h]) + total[h];
                    }
                }
            }
        }
        __syncthreads();
    }
    for (uint e = item; e < heads * a.value; e += GROUP_ITEMS) {
        const uint h = e / a.value;
        const uint c = e % a.value;
        if (parts == 1) {
            a.arena[a.out.x + t * a.out.y + (head0 + h) * a.out.w + c] = s.query[e] / s.correction[h];
        } else {
            float *partial = a.arena + a.partials + 4 + ((t * a.shape.heads + head0 + h) * parts + part) * (a.value + 2);
            partial[2 + c] = s.query[e];
            if (c == 0) {
                partial[0] = s.greatest[h];
                partial[1] = s.correction[h];
            }
        }
    }
}

// Chooses how columns are spread: by fours if they can be, in as many stripes as there have to be. The host keeps heads times
// columns of an item at 64, so what is spread over more stripes has fewer heads.
template <class C> DEVICE void attend(Group group, uint item, const Attention &a) {
    if (a.key % 4 == 0 && a.value % 4 == 0) {
        if (a.value <= 4 * GROUP_ITEMS) {
            attend<C, ATTENTION_HEADS, 1, 4>(group, item, a);
        } else {
            attend<C, ATTENTION_HEADS / 2, MOST_STRIPES, 4>(group, item, a);
        }
    } else {
        attend<C, ATTENTION_HEADS, MOST_STRIPES, 1>(group, item, a);
    }
}

// Puts the parts together. Items: column, head, token. Moves the partial results once.
DEVICE void merge(Group group, uint item, float *arena, uint4 out, uint heads, uint partials, uint value) {
    const uint c = group.x * ROW_GROUP + item;
    const uint h = group.y;
    const uint t = group.z;
    if (c >= value) {
        return;
    }
    const uint parts = ((const uint *)arena)[partials];
    const float *partial = arena + partials + 4 + (t * heads + h) * parts * (value + 2);
    float most = -INFINITY;
    for (uint s = 0; s < parts; s++) {
        most = fmaxf(most, partial[s * (value + 2)]);
    }
    float sum = 0;
    float total = 0;
    for (uint s = 0; s < parts; s++) {
        const float w = expf(partial[s * (value + 2)] - most);
        total += w * partial[s * (value + 2) + 1];
        sum += w * partial[s * (value + 2) + 2 + c];
    }
    arena[out.x + t * out.y + h * out.w + c] = sum / total;
}

#define ATTEND_ARGUMENTS                                                                                                       \
    float *arena, uint4 q, uint4 q_rest, uint4 out, bytes cache, const int *step, Where where, Shape shape, float scale,       \
            float soft_cap, uint partials, int group, int heads, int key, int query, int value
#define ATTENTION                                                                                                              \
    Attention { arena, q, q_rest, out, cache, step, where, shape, scale, soft_cap, partials, (uint)heads, (uint)key,           \
            (uint)query, (uint)value }
#define MERGE_ARGUMENTS                                                                                                        \
    float *arena, uint4 out, uint all_heads, uint partials, int group, int heads, int key, int query, int value

KERNEL(ATTENTION_GROUP) attend_F32(ATTEND_ARGUMENTS) {
    attend<CacheF32>(this_group(), threadIdx.x, ATTENTION);
}

KERNEL(ATTENTION_GROUP) attend_F16(ATTEND_ARGUMENTS) {
    attend<CacheF16>(this_group(), threadIdx.x, ATTENTION);
}

KERNEL(ATTENTION_GROUP) attend_Q8_0(ATTEND_ARGUMENTS) {
    attend<CacheQ8_0>(this_group(), threadIdx.x, ATTENTION);
}

KERNEL(ROW_GROUP) merge_F32(MERGE_ARGUMENTS) {
    merge(this_group(), threadIdx.x, arena, out, all_heads, partials, value);
}

KERNEL(ROW_GROUP) merge_F16(MERGE_ARGUMENTS) {
    merge(this_group(), threadIdx.x, arena, out, all_heads, partials, value);
}

KERNEL(ROW_GROUP) merge_Q8_0(MERGE_ARGUMENTS) {
    merge(this_group(), threadIdx.x, arena, out, all_heads, partials, value);
}
