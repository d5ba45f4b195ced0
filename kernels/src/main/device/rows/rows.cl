// Ops that work on each row by itself.
//
//   NORM_GROUP    work-items that norm a group of columns

// A work-group for each group of columns of each row.
__kernel __attribute__((reqd_work_group_size(NORM_GROUP, 1, 1))) void rms_norm(__global float *arena, uint4 out, uint4 in,
        uint n, __global const float *constants, uint weight, float eps) {
    __local float part[NORM_GROUP];
    const uint item = get_local_id(0);
    const uint from = in.x + get_group_id(1) * in.y + get_group_id(0) * in.w;
    const uint to = out.x + get_group_id(1) * out.y + get_group_id(0) * out.w;
    float sum = 0;
    for (uint i = item; i < n; i += NORM_GROUP) {
        sum += arena[from + i] * arena[from + i];
    }
    part[item] = sum;
    for (uint half_items = NORM_GROUP / 2; half_items > 0; half_items /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < half_items) {
            part[item] += part[item + half_items];
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const float factor = 1 / sqrt(part[0] / n + eps);
    for (uint i = item; i < n; i += NORM_GROUP) {
        arena[to + i] = arena[from + i] * factor * constants[weight + i];
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

// Global ids: pair of columns, token. Frequencies are turns per position, as fractions of 2^64: a position times a frequency
// overflows by whole turns, so the angle is exact at any position.
// how: x pairs in a group, y columns from the first of a pair to the second, z columns from pair to pair, w pairs in all.
__kernel void rope(__global float *arena, uint4 out, uint4 in, uint4 how, __global const ulong *constants,
        uint frequencies, float magnitude, __global const int *step, uint8 where) {
    const uint p = get_global_id(0);
    const uint t = get_global_id(1);
    if (p >= how.w) {
        return;
    }
    const uint g = p / how.x;
    const uint i = p % how.x;
    const long turns = (long)((ulong)(uint)step[where.s1 + t] * constants[frequencies + i]);
    const float angle = (float)turns * 0x1p-63f;
    const float c = cospi(angle) * magnitude;
    const float s = sinpi(angle) * magnitude;
    __global const float *from = arena + in.x + t * in.y + g * in.w + i * how.z;
    __global float *to = arena + out.x + t * out.y + g * out.w + i * how.z;
    const float x = from[0];
    const float y = from[how.y];
    to[0] = x * c - y * s;
    to[how.y] = x * s + y * c;
}
