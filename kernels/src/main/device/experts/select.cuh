// The choice of experts (Routing), by the lanes of one warp: a few hundred operations in F64.
#pragma once
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
