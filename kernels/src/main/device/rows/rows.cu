// Ops that work on each row by itself. All of them move their views once, in F32, and are bound by launches or by that.
//
//   rms_norm      group: NORM_GROUP items for a group of columns (x) of a row (y);   reads 2 n (once from L1) + n weights, writes n
//   swiglu, add   items: column (x), row (y);                                        read 2 n, write n
//   expert_sum    items: column, token;                                              reads used n (+ n), writes n
//   select_rows   items: column, row;                                                reads n, writes n
//   rope          items: pair of columns, token;                                     reads n, writes n
#include "common.cuh"

DEVICE void rms_norm_of(Group group, uint item, float *part, float *arena, uint4 out, uint4 in, uint n, const float *constants,
        uint weight, float eps) {
    const float *from = arena + in.x + group.y * in.y + group.x * in.w;
    float *to = arena + out.x + group.y * out.y + group.x * out.w;
    const float *scale = constants + weight;
    float sum = 0;
    if (fours(in.x | out.x, in.y | out.y, in.w | out.w) && (n & 3) == 0 && (weight & 3) == 0) {
        for (uint i = item; i < n / 4; i += NORM_GROUP) {
            const float4 v = ((const float4 *)from)[i];
            sum += v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
        }
        const float factor = 1 / sqrtf(group_sum<NORM_GROUP>(sum, part, item) / n + eps);
        for (uint i = item; i < n / 4; i += NORM_GROUP) {
            const float4 v = ((const float4 *)from)[i];
            const float4 s = ((const float4 *)scale)[i];
            ((float4 *)to)[i] = make_float4(v.x * factor * s.x, v.y * factor * s.y, v.z * factor * s.z, v.w * factor * s.w);
        }
        return;
    }
    for (uint i = item; i < n; i += NORM_GROUP) {
        sum += from[i] * from[i];
    }
    const float factor = 1 / sqrtf(group_sum<NORM_GROUP>(sum, part, item) / n + eps);
    for (uint i = item; i < n; i += NORM_GROUP) {
        to[i] = from[i] * factor * scale[i];
    }
}

KERNEL(NORM_GROUP) rms_norm(float *arena, uint4 out, uint4 in, uint n, const float *constants, uint weight, float eps) {
    __shared__ float part[NORM_GROUP / WARP];
    rms_norm_of(this_group(), threadIdx.x, part, arena, out, in, n, constants, weight, eps);
}

KERNEL(ROW_GROUP) swiglu(float *arena, uint4 out, uint4 gate, uint4 up, uint width) {
    const uint i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const uint row = blockIdx.y;
    if (i < width) {
        arena[cell(out, row, i)] = silu(arena[cell(gate, row, i)]) * arena[cell(up, row, i)];
    }
}

KERNEL(ROW_GROUP) add(float *arena, uint4 out, uint4 a, uint4 b, uint width) {
    const uint i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const uint row = blockIdx.y;
    if (i < width) {
        arena[cell(out, row, i)] = arena[cell(a, row, i)] + arena[cell(b, row, i)];
    }
}

// Row t of the output is the weighted sum of rows t used ... t used + used - 1 of the input, and what is to be added.
KERNEL(ROW_GROUP) expert_sum(float *arena, uint4 out, uint4 in, uint4 weights, uint4 residual, uint used, uint width) {
    const uint i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const uint t = blockIdx.y;
    if (i < width) {
        float sum = 0;
        for (uint j = 0; j < used; j++) {
            sum += arena[cell(weights, t, j)] * arena[cell(in, t * used + j, i)];
        }
        arena[cell(out, t, i)] = sum + (residual.y > 0 ? arena[cell(residual, t, i)] : 0);
    }
}

KERNEL(ROW_GROUP) select_rows(float *arena, uint4 out, uint4 in, uint width, const int *step, Where where) {
    const uint i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const uint row = blockIdx.y;
    if (i < width) {
        arena[cell(out, row, i)] = arena[cell(in, (uint)step[where.output + row], i)];
    }
}

// Frequencies are turns per position, as fractions of 2^64: a position times a frequency overflows by whole turns, so the angle
// is exact at any position.
// how: x pairs in a group, y columns from the first of a pair to the second, z columns from pair to pair, w pairs in all.
KERNEL(ROW_GROUP) rope(float *arena, uint4 out, uint4 in, uint4 how, const ulong64 *constants, uint frequencies,
        float magnitude, const int *step, Where where) {
    const uint p = blockIdx.x * ROW_GROUP + threadIdx.x;
    const uint t = blockIdx.y;
    if (p >= how.w) {
        return;
    }
    const uint g = p / how.x;
    const uint i = p % how.x;
    const long long turns = (long long)((ulong64)(uint)step[where.position + t] * constants[frequencies + i]);
    const float angle = (float)turns * 0x1p-63f;
    const float c = cospif(angle) * magnitude;
    const float s = sinpif(angle) * magnitude;
    const float *from = arena + in.x + t * in.y + g * in.w + i * how.z;
    float *to = arena + out.x + t * out.y + g * out.w + i * how.z;
    const float x = from[0];
    const float y = from[how.y];
    to[0] = x * c - y * s;
    to[how.y] = x * s + y * c;
}
