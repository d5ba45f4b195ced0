// Choice of experts (Routing) and the order of the pairs of token and expert.
//
//   select_experts    a warp for a token; reads the logits of all experts, a few hundred operations in F64
//   sort_pairs        one group; reads the ids twice, writes the pairs and their tiles
#include "experts/select.cuh"

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
