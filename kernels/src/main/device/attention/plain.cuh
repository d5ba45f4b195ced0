// Attention over any cache, in F32. A pass takes GROUP keys, KEYS_A_TURN of them at a time:
//
//   scores   item     0 ... 7: key 0 | 8 ... 15: key 1 | ... | 120 ... 127: key 15;    each 4 columns of 32, then the next 32
//   values   item     0 ... p-1: columns 0 ... 3, 4 ... 7, ... of the values of keys 0, s, 2s ... | p ... 2p-1: of keys 1, s + 1 ...
//
// where p items have all columns of a value (4 each, STRIPES times), and s = GROUP / p. What those s slices summed is added up
// at the end. A cache row is so read along its columns, from memory once, for the values again from the caches.
#pragma once
#include "attention/shape.cuh"

#define ITEMS_A_KEY 8
#define KEYS_A_TURN (GROUP_ITEMS / ITEMS_A_KEY)
#define MOST_STRIPES 4

// C is how the cache is kept, H the heads of a group at most, STRIPES and WIDTH: see above.
template <class C, uint H, uint STRIPES, uint WIDTH> DEVICE void attend(Group group, uint item, const Attention &a) {
    static_assert(H <= ITEMS_A_KEY, "a lane for each head's score");
    const Shared s(a);
    const Task task(group, a);
    const uint heads = task.heads;
    for (uint e = item; e < heads * a.key; e += GROUP_ITEMS) {
        s.query[e / a.key * s.query_stride + e % a.key] = task.query(a, e / a.key, e % a.key);
    }
    for (uint h = item; h < heads; h += GROUP_ITEMS) {
        s.greatest[h] = -INFINITY;
        s.total[h] = 0;
    }
    const uint items = min((a.value + STRIPES * WIDTH - 1) / (STRIPES * WIDTH), (uint)GROUP_ITEMS);
    const uint slices = GROUP_ITEMS / items;
    const uint slice = item / items;
    const uint c0 = item % items * WIDTH;
    float sums[H][STRIPES][WIDTH] = {};

    for (uint j0 = task.from; j0 < task.to; j0 += GROUP_ITEMS) {
        const uint keys = min(task.to - j0, (uint)GROUP_ITEMS);
        find_rows(a, task, s, item, j0, keys);
        __syncthreads();
        const uint lane = item % ITEMS_A_KEY;
        for (uint k0 = 0; k0 < keys; k0 += KEYS_A_TURN) {
            const uint j = k0 + item / ITEMS_A_KEY;
            bytes row = a.cache + s.rows[j];
            float dots[H] = {};
            for (uint c = lane * WIDTH; c < a.key; c += ITEMS_A_KEY * WIDTH) {
                float k[WIDTH];
                if constexpr (WIDTH == 4) {
                    C::load4(row, task.key_head * a.key + c, k);
                } else {
                    k[0] = C::load1(row, task.key_head * a.key + c);
                }
#pragma unroll
                for (uint h = 0; h < H; h++) {
                    if (h < heads) {
                        const float *query = s.query + h * s.query_stride + c;
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
                        s.of(h)[j] = capped(a, a.scale * dots[h]);
                    }
                }
            }
        }
        __syncthreads();
        weigh(task, s, item, keys, [&](uint h, uint j, float w) { s.of(h)[j] = w; });
        __syncthreads();
#pragma unroll
        for (uint h = 0; h < H; h++) {
            const float correction = h < heads ? s.correction[h] : 0;
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
                    const uint column = a.shape.first_value + task.key_head * a.shape.value_stride + c;
                    if constexpr (WIDTH == 4) {
                        C::load4(row, column, value[i]);
                    } else {
                        value[i][0] = C::load1(row, column);
                    }
                }
            }
#pragma unroll
            for (uint h = 0; h < H; h++) {
                const float w = h < heads ? s.of(h)[j] : 0;
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
    // The slices one after the other.
    for (uint turn = 0; turn < slices; turn++) {
        if (slice == turn) {
#pragma unroll
            for (uint h = 0; h < H; h++) {
#pragma unroll
                for (uint i = 0; i < STRIPES; i++) {
#pragma unroll
                    for (uint k = 0; k < WIDTH; k++) {
                        const uint c = i * items * WIDTH + c0 + k;
                        if (h < heads && c < a.value) {
                            float *sum = s.query + h * a.value + c;
                            *sum = (turn == 0 ? 0 : *sum) + sums[h][i][k];
                        }
                    }
                }
            }
        }
        __syncthreads();
    }
    give(a, task, s, group, item);
}
