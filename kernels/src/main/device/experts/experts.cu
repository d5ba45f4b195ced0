// Choice of experts (Routing) and the order of the pairs of token and expert.
//
//   select_experts    a warp for a token; reads the logits of all experts, a few hundred operations in F64
//   sort_pairs        one group; reads the ids twice, writes the pairs and their tiles
#include "common.cuh"

// Scores in F64: probabilities that are equal in F32 need not be equal.
//
//   sm   probability: experts x f64 | score: experts x f64 | group score: experts x f64 | taken: experts x u8
struct Choice {
    double *probability, *score, *group_score;
    uint8_t *taken;

    DEVICE_MEMBER explicit Choice(uint experts)
            : probability((double *)sm), score(probability + experts), group_score(score + experts),
              taken((uint8_t *)(group_score + experts)) {}
};

// Whether candidate a goes before b: the better score, of equal ones the lower number; NaN only if there is nothing else.
DEVICE bool before(const double *score, int a, int b) {
    if (a < 0 || b < 0) {
        return b < 0 && a >= 0;
    }
    const double x = score[a];
    const double y = score[b];
    if (isnan(x) || isnan(y)) {
        return isnan(x) == isnan(y) ? a < b : isnan(y) != 0;
    }
    return x > y || (x == y && a < b);
}

// The best of the experts from..to - 1 other than one.
DEVICE int best_of(const double *score, int from, int to, int other) {
    int best = -1;
    for (int e = from; e < to; e++) {
        if (e != other && before(score, e, best)) {
            best = e;
        }
    }
    return best;
}

DEVICE double warp_sum(double v) {
#pragma unroll
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        v += __shfl_xor_sync(0xffffffffu, v, offset);
    }
    return v;
}

DEVICE float warp_max(float v) {
#pragma unroll
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, offset));
    }
    return v;
}

// Probabilities of all experts, the groups that are kept, the best experts of those, their weights: by the lanes of one warp.
// how: x experts used, y groups, z groups used, w: 1 softmax (else sigmoid), 2 groups by their two best (else by the best),
// 4 weights divided by their sum.
DEVICE void choose(uint lane, const Choice &choice, const float *logits, uint experts, int *ids, float *weights,
        const float *bias, uint4 how, float scale) {
    const bool softmax = how.w & 1;
    float most = -INFINITY;
    for (uint e = lane; e < experts; e += WARP) {
        most = fmaxf(most, logits[e]);
    }
    most = warp_max(most);
    double sum = 0;
    for (uint e = lane; e < experts; e += WARP) {
        const double p = softmax ? exp((double)logits[e] - most) : 1 / (1 + exp(-(double)logits[e]));
        choice.probability[e] = p;
        sum += p;
    }
    sum = warp_sum(sum);
    for (uint e = lane; e < experts; e += WARP) {
        if (softmax) {
            choice.probability[e] /= sum;
        }
        choice.score[e] = choice.probability[e] + (bias ? bias[e] : 0);
        choice.taken[e] = how.y > 1;
    }
    __syncwarp();
    if (how.y > 1) {
        const uint size = experts / how.y;
        for (uint g = lane; g < how.y; g += WARP) {
            const int best = best_of(choice.score, g * size, g * size + size, -1);
            choice.group_score[g] = choice.score[best];
            if (how.w & 2 && size > 1) {
                choice.group_score[g] += choice.score[best_of(choice.score, g * size, g * size + size, best)];
            }
        }
        __syncwarp();
        for (uint g = lane; g < how.y; g += WARP) {
            uint better = 0;
            for (uint other = 0; other < how.y; other++) {
                better += before(choice.group_score, other, g) ? 1 : 0;
            }
            if (better < how.z) {
                for (uint e = g * size; e < g * size + size; e++) {
                    choice.taken[e] = 0;
                }
            }
        }
        __syncwarp();
    }
    double chosen = 0;
    for (uint j = 0; j < how.x; j++) {
        int best = -1;
        for (uint e = lane; e < experts; e += WARP) {
            if (!choice.taken[e] && before(choice.score, e, best)) {
                best = e;
            }
        }
#pragma unroll
        for (int offset = WARP / 2; offset > 0; offset /= 2) {
            const int other = __shfl_xor_sync(0xffffffffu, best, offset);
            best = before(choice.score, other, best) ? other : best;
        }
        chosen += choice.probability[best];
        if (lane == 0) {
            choice.taken[best] = 1;
            ids[j] = best;
        }
        __syncwarp();
    }
    for (uint j = lane; j < how.x; j += WARP) {
        const double p = choice.probability[ids[j]];
        weights[j] = (float)((how.w & 4 ? p / chosen : p) * scale);
    }
}

KERNEL(SELECT_GROUP) select_experts(float *arena, uint logits, uint4 ids, uint4 weights, const float *constants, int bias,
        uint4 how, float scale, int experts) {
    const uint t = blockIdx.x;
    choose(threadIdx.x, Choice(experts), arena + logits + t * experts, experts, (int *)arena + ids.x + t * ids.y,
            arena + weights.x + t * weights.y, bias < 0 ? nullptr : constants + bias, how, scale);
}

// The pairs of all tokens, sorted by expert and cut into tiles of one expert each. At `order`: number of tiles, most tiles, then
// for each tile its expert, first sorted pair and number of pairs, then (after the most tiles) the sorted pairs. The order of the
// pairs of an expert is any.
//
//   sm   counts: experts x i32 | where the next pair of an expert goes: experts x i32
KERNEL(SORT_GROUP) sort_pairs(uint *arena, uint4 ids, const int *step, uint order, uint most_tiles, int experts) {
    int *counts = (int *)sm;
    int *next = counts + experts;
    const uint item = threadIdx.x;
    const uint pairs = (uint)step[0] * ids.z;
    uint *tiles = arena + order + 2;
    uint *sorted = tiles + 3 * most_tiles;
    for (uint e = item; e < (uint)experts; e += SORT_GROUP) {
        counts[e] = 0;
    }
    __syncthreads();
    for (uint pair = item; pair < pairs; pair += SORT_GROUP) {
        atomicAdd(counts + arena[ids.x + pair / ids.z * ids.y + pair % ids.z], 1);
    }
    __syncthreads();
    if (item == 0) {
        uint at = 0;
        uint tile = 0;
        for (uint e = 0; e < (uint)experts; e++) {
            const uint count = counts[e];
            next[e] = at;
            for (uint done = 0; done < count; done += TILE) {
                tiles[3 * tile] = e;
                tiles[3 * tile + 1] = at + done;
                tiles[3 * tile + 2] = min(count - done, (uint)TILE);
                tile++;
            }
            at += count;
        }
        arena[order] = tile;
        arena[order + 1] = most_tiles;
    }
    __syncthreads();
    for (uint pair = item; pair < pairs; pair += SORT_GROUP) {
        sorted[atomicAdd(next + arena[ids.x + pair / ids.z * ids.y + pair % ids.z], 1)] = pair;
    }
}
