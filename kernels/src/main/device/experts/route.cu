// The product of a router, and the choice of experts by the last group of a row. Compiled once for each type, as matmul/matmul.cu.
#include "quant/types.cuh"

#include "experts/select.cuh"
#include "last.cuh"
#include "matmul/walk.cuh"

#define ROUTER_ROWS (MATVEC_GROUP / LANES)

// Where the logits of a row are, where its experts and weights go, how they are chosen.
struct Routes {
    float *logits;
    int *ids;
    float *weights;
    const float *bias;
    uint4 how;
    float scale;
    uint experts;
};

// A warp has an expert. Moves the router once for each row. Group ids: ROUTER_ROWS experts, row.
template <class T>
DEVICE void router(Group group, uint item, uint &last, bytes weight, uint row_bytes, uint columns, const float *in, bool aligned,
        const Routes &routes, uint *ticket) {
    const uint e = group.x * ROUTER_ROWS + item / LANES;
    if (e < routes.experts) {
        const bytes row[1] = {weight + (ulong64)e * row_bytes};
        const FloatRow x[1] = {{in, aligned}};
        float sums[1][1] = {};
        walk<T>(row, columns, item % LANES, x, sums);
        warp_sums(sums);
        if (item % LANES == 0) {
            routes.logits[e] = sums[0][0];
        }
    }
    if (is_last(ticket, group.all_x, item, &last) && item < WARP) {
        choose(item, Choice(routes.experts), routes.logits, routes.experts, routes.ids, routes.weights, routes.bias, routes.how,
                routes.scale);
    }
}

KERNEL_BESIDE(MATVEC_GROUP, 4) CAT(router, QUANT)(bytes weight, uint row_bytes, uint columns, float *arena, uint4 in, const float *constants,
        uint logits, uint4 ids, uint4 weights, int bias, uint4 how, float scale, uint ticket, int experts) {
    __shared__ uint last;
    const uint t = blockIdx.y;
    const Routes routes = {arena + logits + t * experts, (int *)arena + ids.x + t * ids.y, arena + weights.x + t * weights.y,
            bias < 0 ? nullptr : constants + bias, how, scale, (uint)experts};
    router<QUANT>(this_group(), threadIdx.x, last, weight, row_bytes, columns, arena + in.x + t * in.y, fours(in.x, in.y, 0), routes,
            (uint *)arena + ticket + t);
}
