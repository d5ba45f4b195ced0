// Ops that work on each row by itself.
//
//   NORM_GROUP    work-items that norm a group of columns
#include "rows/norm.clh"
#include "rows/turn.clh"
#include "rows/quantise.clh"

// A work-group for each group of columns of each row.
__kernel __attribute__((reqd_work_group_size(NORM_GROUP, 1, 1))) void rms_norm(__global float *arena, uint4 out, uint4 in,
        uint n, __global const float *constants, uint weight, float eps) {
    __local float part[NORM_GROUP];
    norm(part, arena, out.x + get_group_id(1) * out.y + get_group_id(0) * out.w,
            in.x + get_group_id(1) * in.y + get_group_id(0) * in.w, n, constants, weight, eps);
}

// As well in int8: rows of one group of columns.
__kernel __attribute__((reqd_work_group_size(NORM_GROUP, 1, 1))) void rms_norm_i8(__global float *arena, uint4 out, uint4 in,
        uint n, __global const float *constants, uint weight, float eps, uint4 place) {
    __local float part[NORM_GROUP];
    const uint row = get_group_id(1);
    const uint to = out.x + row * out.y;
    norm(part, arena, to, in.x + row * in.y, n, constants, weight, eps);
    if (get_num_groups(1) > place.w) {
        return;
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (uint b = get_local_id(0); b < n / 32; b += NORM_GROUP) {
        quantise_block(arena, to, place, row, b);
    }
}

// A view's rows in int8. Its groups have a multiple of 32 columns. Global ids: block of 32 columns, row.
__kernel void quantise(__global float *arena, uint4 in, uint4 place) {
    const uint b = get_global_id(0);
    const uint row = get_global_id(1);
    if (32 * b < place.z) {
        const uint group = 32 * b / in.z;
        quantise_block(arena, in.x + row * in.y + group * (in.w - in.z), place, row, b);
    }
}

// Global ids: column, row.
__kernel void swiglu(__global float *arena, uint4 out, uint4 gate, uint4 up, uint width) {
    const uint i = get_global_id(0);
    const uint row = get_global_id(1);
    if (i < width) {
        arena[cell(out, row, i)] = silu(arena[cell(gate, row, i)]) * arena[cell(up, row, i)];
    }
}

__kernel void add(__global float *arena, uint4 out, uint4 a, uint4 b, uint width) {
    const uint i = get_global_id(0);
    const uint row = get_global_id(1);
    if (i < width) {
        arena[cell(out, row, i)] = arena[cell(a, row, i)] + arena[cell(b, row, i)];
    }
}

// Row t of the output is the weighted sum of rows t used ... t used + used - 1 of the input, and what is to be added.
__kernel void expert_sum(__global float *arena, uint4 out, uint4 in, uint4 weights, uint4 residual, uint used, uint width) {
    const uint i = get_global_id(0);
    const uint t = get_global_id(1);
    if (i < width) {
        float sum = 0;
        for (uint j = 0; j < used; j++) {
            sum += arena[cell(weights, t, j)] * arena[cell(in, t * used + j, i)];
        }
        arena[cell(out, t, i)] = sum + (residual.y > 0 ? arena[cell(residual, t, i)] : 0);
    }
}

__kernel void select_rows(__global float *arena, uint4 out, uint4 in, uint width, __global const int *step, uint8 where) {
    const uint i = get_global_id(0);
    const uint row = get_global_id(1);
    if (i < width) {
        arena[cell(out, row, i)] = arena[cell(in, (uint)step[where.s3 + row], i)];
    }
}

// Global ids: pair of columns, token.
__kernel void rope(__global float *arena, uint4 out, uint4 in, uint4 how, __global const ulong *constants,
        uint frequencies, float magnitude, __global const int *step, uint8 where) {
    const uint p = get_global_id(0);
    const uint t = get_global_id(1);
    if (p < how.w) {
        const float2 angle = turned(constants[frequencies + p % how.x], step[where.s1 + t], magnitude);
        turn(arena, out.x + t * out.y + p / how.x * out.w, in.x + t * in.y + p / how.x * in.w, how, p % how.x, angle);
    }
}
