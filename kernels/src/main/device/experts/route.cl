// The product of a router and the choice of experts, and the norm before them, by a work-group for each row.
//
//   QUANT, LANES, WIDE_SUMS   see matmul.cl
//   NORM_GROUP                work-items of a group, SELECT_GROUP the same
#include "matmul/decode.clh"
#include "matmul/lanes.clh"
#include "experts/select.clh"
#include "rows/norm.clh"

#define NB 1

// in: what the router reads; norm_in: of which it is the norm, of no cells a row if it is there already. Group ids: 1, row.
__kernel __attribute__((reqd_work_group_size(NORM_GROUP, 1, 1))) void route(bytes weight, uint row_bytes, uint columns,
        __global float *arena, uint4 in, uint4 norm_in, __global const float *constants, int norm_weight, float eps, uint logits,
        uint4 ids, uint4 weights, int bias, uint4 how, float scale) {
    __local selection shared;
    __local float part[NORM_GROUP];
    const uint item = get_local_id(0);
    const uint lane = item % LANES;
    const uint t = get_group_id(1);
    if (norm_in.y > 0) {
        norm(part, arena, in.x + t * in.y, norm_in.x + t * norm_in.y, columns, constants, norm_weight, eps);
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
    for (uint e0 = 0; e0 < EXPERTS; e0 += NORM_GROUP / LANES) {
        const uint e = e0 + item / LANES;
        sum_t sums[1];
        sums[0] = 0;
        if (e < EXPERTS) {
            bytes row = weight + (ulong)e * row_bytes;
            __global const float *x[1];
            x[0] = arena + in.x + t * in.y;
#include "matmul/walk.clh"
        }
        const float total = sum_of_lanes(TOTAL(sums[0]), part);
        if (lane == 0 && e < EXPERTS) {
            arena[logits + t * EXPERTS + e] = total;
        }
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    choose(&shared, t, arena, logits, ids, weights, constants, bias, how, scale);
}
