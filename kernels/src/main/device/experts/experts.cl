// Choice of experts (Routing) and the order of the pairs of token and expert.
//
//   EXPERTS, SELECT_GROUP     experts there are; work-items that choose for a token
//   SORT_GROUP, TILE          work-items that sort; pairs in a tile of the product that follows

#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double real;
#else
typedef float real;
#endif

// Whether candidate a goes before b: the better score, of equal ones the lower number; NaN only if there is nothing else.
bool before(__local const real *score, int a, int b) {
    if (a < 0 || b < 0) {
        return b < 0 && a >= 0;
    }
    const real x = score[a];
    const real y = score[b];
    if (isnan(x) || isnan(y)) {
        return isnan(x) == isnan(y) ? a < b : isnan(y) != 0;
    }
    return x > y || (x == y && a < b);
}

// The best of the experts from..to - 1 other than one.
int best_of(__local const real *score, int from, int to, int other) {
    int best = -1;
    for (int e = from; e < to; e++) {
        if (e != other && before(score, e, best)) {
            best = e;
        }
    }
    return best;
}

// Probabilities of all experts, the groups that are kept, the best experts of those, their weights. A work-group for a token.
// how: x experts used, y groups, z groups used, w: 1 softmax (else sigmoid), 2 groups by their two best (else by the best),
// 4 weights divided by their sum.
__kernel __attribute__((reqd_work_group_size(SELECT_GROUP, 1, 1))) void select_experts(__global float *arena, uint logits,
        uint4 ids, uint4 weights, __global const float *constants, int bias, uint4 how, float scale) {
    __local real probability[EXPERTS];
    __local real score[EXPERTS];
    __local real group_score[EXPERTS];
    __local uchar taken[EXPERTS];
    __local int candidate[SELECT_GROUP];
    const uint item = get_local_id(0);
    const uint t = get_group_id(0);
    __global const float *x = arena + logits + t * EXPERTS;
    real most = -INFINITY;
    if (how.w & 1) {
        for (uint e = 0; e < EXPERTS; e++) {
            most = fmax(most, (real)x[e]);
        }
    }
    for (uint e = item; e < EXPERTS; e += SELECT_GROUP) {
        probability[e] = how.w & 1 ? exp(x[e] - most) : 1 / (1 + exp(-(real)x[e]));
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    real sum = 0;
    for (uint e = 0; e < EXPERTS; e++) {
        sum += probability[e];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < EXPERTS; e += SELECT_GROUP) {
        if (how.w & 1) {
            probability[e] /= sum;
        }
        score[e] = probability[e] + (bias < 0 ? 0 : constants[bias + e]);
        taken[e] = how.y > 1;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (how.y > 1) {
        const uint size = EXPERTS / how.y;
        for (uint g = item; g < how.y; g += SELECT_GROUP) {
            const int best = best_of(score, g * size, g * size + size, -1);
            group_score[g] = score[best];
            if (how.w & 2 && size > 1) {
                group_score[g] += score[best_of(score, g * size, g * size + size, best)];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint g = item; g < how.y; g += SELECT_GROUP) {
            uint better = 0;
            for (uint other = 0; other < how.y; other++) {
                better += before(group_score, other, g) ? 1 : 0;
            }
            if (better < how.z) {
                for (uint e = g * size; e < g * size + size; e++) {
                    taken[e] = 0;
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    real chosen = 0;
    for (uint j = 0; j < how.x; j++) {
        int best = -1;
        for (uint e = item; e < EXPERTS; e += SELECT_GROUP) {
            if (!taken[e] && before(score, e, best)) {
                best = e;
            }
        }
        candidate[item] = best;
        for (uint half_items = SELECT_GROUP / 2; half_items > 0; half_items /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (item < half_items && before(score, candidate[item + half_items], candidate[item])) {
                candidate[item] = candidate[item + half_items];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        best = candidate[0];
        chosen += probability[best];
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item == 0) {
            taken[best] = 1;
            ((__global int *)arena)[ids.x + t * ids.y + j] = best;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0) {
        for (uint j = 0; j < how.x; j++) {
            const real p = probability[((__global const int *)arena)[ids.x + t * ids.y + j]];
            arena[weights.x + t * weights.y + j] = (float)((how.w & 4 ? p / chosen : p) * scale);
        }
    }
}

// The pairs of all tokens, sorted by expert and cut into tiles of one expert each. At `order`: number of tiles, most tiles, then
// for each tile its expert, first sorted pair and number of pairs, then (after the most tiles) the sorted pairs. One work-group.
__kernel __attribute__((reqd_work_group_size(SORT_GROUP, 1, 1))) void sort_pairs(__global uint *arena, uint4 ids,
        __global const int *step, uint order, uint most_tiles) {
    __local uint counts[EXPERTS];
    __local uint starts[EXPERTS];
    const uint item = get_local_id(0);
    const uint pairs = (uint)step[0] * ids.z;
    __global uint *tiles = arena + order + 2;
    __global uint *sorted = tiles + 3 * most_tiles;
    for (uint e = item; e < EXPERTS; e += SORT_GROUP) {
        uint n = 0;
        for (uint pair = 0; pair < pairs; pair++) {
            n += arena[ids.x + pair / ids.z * ids.y + pair % ids.z] == e ? 1 : 0;
        }
        counts[e] = n;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item == 0) {
        uint at = 0;
        uint tile = 0;
        for (uint e = 0; e < EXPERTS; e++) {
            starts[e] = at;
            for (uint done = 0; done < counts[e]; done += TILE) {
                tiles[3 * tile] = e;
                tiles[3 * tile + 1] = at + done;
                tiles[3 * tile + 2] = min(counts[e] - done, (uint)TILE);
                tile++;
            }
            at += counts[e];
        }
        arena[order] = tile;
        arena[order + 1] = most_tiles;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < EXPERTS; e += SORT_GROUP) {
        uint at = starts[e];
        for (uint pair = 0; pair < pairs && counts[e] > 0; pair++) {
            if (arena[ids.x + pair / ids.z * ids.y + pair % ids.z] == e) {
                sorted[at++] = pair;
            }
        }
    }
}
