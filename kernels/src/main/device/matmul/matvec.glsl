// Up to NB rows of activations times a matrix. A work-group has ROWS rows of the matrix; its work-items walk along them together.
// Group ids: rows of the matrix, head, rows of activations (for experts: a pair if NB is 1, else a tile of the sorted pairs). With
// NB 1 one of these may be defined:
//
//   GATED     two matrices and the gated activation of both products
//   JOINT     another product of the same row, in the groups after those of the first one
//   SUMMED    the sum over a row's experts, times their weights: group ids are rows of the matrix, 1, rows of the sum
//
// INT8 besides takes activations in int8: `from` is then first cell, cells from row to row, columns of a row, columns of a matrix.
#include "matmul/product.glsl"

const uint ROWS = MATVEC_GROUP / LANES;
#ifdef GATED
const uint SUMS = 2 * ROWS;
#else
const uint SUMS = NB * ROWS;
#endif

shared float partial[SUMS * MATVEC_GROUP];
float sums[SUMS];

#ifdef INT8
#include "matmul/walk_i8.glsl"
#else
#include "matmul/walk.glsl"
#endif

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint head = gl_WorkGroupID.y;
    uint r0 = gl_WorkGroupID.x * ROWS;
    uint64_t first = weight;
    uint last = rows;
    uvec4 target_view = to;
    int bias_at = bias;
#ifdef JOINT
    const uint groups = (rows + ROWS - 1) / ROWS;
    if (gl_WorkGroupID.x >= groups) {
        r0 -= groups * ROWS;
        first = other;
        last = other_rows;
        target_view = other_to;
        bias_at = other_bias;
    }
#endif
    uint64_t second = 0;
    uint matrix = head;
    uint count;
    uint target[NB];
#if NB == 1
    const uint pair = gl_WorkGroupID.z;
    if (pair >= row_count(counted)) {
        return;
    }
    target[0] = pair;
    count = 1;
#ifndef SUMMED
    if (ids.z > 0) {
        matrix = load_word(ids.x + pair / ids.z * ids.y + pair % ids.z);
    }
#endif
#else
    if (ids.z > 0) {
        if (gl_WorkGroupID.z >= load_word(order)) {
            return;
        }
        const uint tile = order + 2 + 3 * gl_WorkGroupID.z;
        const uint sorted = order + 2 + 3 * load_word(order + 1) + load_word(tile + 1);
        matrix = load_word(tile);
        count = load_word(tile + 2);
        [[unroll]] for (uint t = 0; t < NB; t++) {
            target[t] = load_word(sorted + min(t, count - 1));
        }
    } else {
        const uint from_row = gl_WorkGroupID.z * NB;
        const uint all = row_count(counted);
        if (from_row >= all) {
            return;
        }
        count = min(all - from_row, NB);
        [[unroll]] for (uint t = 0; t < NB; t++) {
            target[t] = from_row + min(t, count - 1);
        }
    }
#endif
    [[unroll]] for (uint s = 0; s < SUMS; s++) {
        sums[s] = 0;
    }
    uint x[NB];
#ifdef SUMMED
    for (uint j = 0; j < ids.z; j++) {
        matrix = load_word(ids.x + pair * ids.y + j);
        x[0] = from.x + (pair * ids.z + j) * from.y;
        walk(first + matrix * matrix_bytes, second, r0, last, x, load(factors.x + pair * factors.y + j));
    }
#else
    const uint share = ids.z > 0 ? ids.w : 1;
    [[unroll]] for (uint t = 0; t < NB; t++) {
        x[t] = from.x + target[t] / share * from.y;
#ifndef INT8
        x[t] += head * from.w;
#endif
    }
#ifdef GATED
    second = up + matrix * matrix_bytes;
#endif
    walk(first + matrix * matrix_bytes, second, r0, last, x, 1);
#endif
    [[unroll]] for (uint s = 0; s < SUMS; s++) {
        const float sum = subgroupAdd(sums[s]);
        if (subgroupElect()) {
            partial[s * MATVEC_GROUP + gl_SubgroupID] = sum;
        }
    }
    barrier();
    for (uint o = item; o < NB * ROWS; o += MATVEC_GROUP) {
        const uint r = r0 + o / NB;
        const uint t = o % NB;
        if (r < last && t < count) {
            float total = 0;
            for (uint s = 0; s < gl_NumSubgroups; s++) {
                total += partial[o * MATVEC_GROUP + s];
            }
#ifdef GATED
            float raised = 0;
            for (uint s = 0; s < gl_NumSubgroups; s++) {
                raised += partial[(ROWS + o) * MATVEC_GROUP + s];
            }
            total = silu(total) * raised;
#endif
            store(target_view.x + target[t] * target_view.y + head * target_view.w + r, total + added(bias_at, target[t], r));
        }
    }
}
