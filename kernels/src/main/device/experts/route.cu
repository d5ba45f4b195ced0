// The product of a router and the choice of experts, and the norm before them, by a group for each row. For small routers: one
// group reads all of it. Compiled once for each type, as matmul/matmul.cu.
#include "quant/types.cuh"

#include "experts/select.cuh"
#include "matmul/walk.cuh"
#include "rows/norm.cuh"

// in: what the router reads; norm_in: of which it is the norm, of no cells a row if it is there already. Group ids: 1, row.
template <class T>
DEVICE void route(Group group, uint item, float *part, bytes weight, uint row_bytes, uint columns, float *arena, uint4 in,
        uint4 norm_in, const float *constants, int norm_weight, float eps, float *logits, int *ids, float *weights,
        const float *bias, uint4 how, float scale, uint experts) {
    const uint t = group.y;
    if (norm_in.y > 0) {
        norm(item, part, arena, in.x + t * in.y, norm_in.x + t * norm_in.y, columns, constants, norm_weight, eps);
        __syncthreads();
    }
    const FloatRow x[1] = {{arena + in.x + t * in.y, fours(in.x, in.y, 0)}};
    for (uint e = item / LANES; e < experts; e += NORM_GROUP / LANES) {
        const bytes row[1] = {weight + (ulong64)e * row_bytes};
        float sums[1][1] = {};
        walk<T>(row, columns, item % LANES, x, sums);
        warp_sums(sums);
        if (item % LANES == 0) {
            logits[e] = sums[0][0];
        }
    }
    __syncthreads();
    if (item < WARP) {
        choose(item, Choice(experts), logits, experts, ids, weights, bias, how, scale);
    }
}

KERNEL(NORM_GROUP) CAT(route, QUANT)(bytes weight, uint row_bytes, uint columns, float *arena, uint4 in, uint4 norm_in,
        const float *constants, int norm_weight, float eps, uint logits, uint4 ids, uint4 weights, int bias, uint4 how, float scale,
        int experts) {
    __shared__ float part[NORM_PART];
    const uint t = blockIdx.y;
    route<QUANT>(this_group(), threadIdx.x, part, weight, row_bytes, columns, arena, in, norm_in, constants, norm_weight, eps,
            arena + logits + t * experts, (int *)arena + ids.x + t * ids.y, arena + weights.x + t * weights.y,
            bias < 0 ? nullptr : constants + bias, how, scale, experts);
}
