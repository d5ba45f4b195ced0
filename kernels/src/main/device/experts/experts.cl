// Choice of experts and the order of the pairs of token and expert.
//
//   EXPERTS, SELECT_GROUP     see select.clh
//   SORT_GROUP, TILE          work-items that sort; pairs in a tile of the product that follows
#include "experts/select.clh"

// A work-group for a token.
__kernel __attribute__((reqd_work_group_size(SELECT_GROUP, 1, 1))) void select_experts(__global float *arena, uint logits,
        uint4 ids, uint4 weights, __global const float *constants, int bias, uint4 how, float scale) {
    __local selection shared;
    choose(&shared, get_group_id(0), arena, logits, ids, weights, constants, bias, how, scale);
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
