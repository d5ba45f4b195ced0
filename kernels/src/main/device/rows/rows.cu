// Ops that work on each row by itself. All of them move their views once, in F32, and are bound by launches or by that.
//
//   rms_norm      group: NORM_GROUP items for a group of columns (x) of a row (y);   see norm.cuh
//   quantise      items: 32 columns, row;                                            reads n, writes 5/16 n; see int8.cuh
//   swiglu, add   items: column (x), row (y);                                        read 2 n, write n
//   expert_sum    items: column, token;                                              reads used n (+ n), writes n
//   select_rows   items: column, row;                                                reads n, writes n
//   rope          items: pair of columns, token;                                     reads n, writes n
//   best          group: ROW_GROUP items for a row (y);                              reads n, writes one number
#include "rows/norm.cuh"
#include "rows/turn.cuh"

KERNEL(NORM_GROUP) rms_norm(float *arena, uint4 out, uint4 in, uint n, const float *constants, uint weight, float eps) {
    __shared__ float part[NORM_PART];
    norm(threadIdx.x, part, arena, out.x + blockIdx.y * out.y + blockIdx.x * out.w, in.x + blockIdx.y * in.y + blockIdx.x * in.w, n,
            constants, weight, eps);
}

// The same for one group of columns, a multiple of 32, with the result in int8 besides.
KERNEL(NORM_GROUP) rms_norm_i8(float *arena, uint4 out, uint4 in, uint n, const float *constants, uint weight, float eps,
        uint4 place) {
    __shared__ float part[NORM_PART];
    const uint row = blockIdx.y;
    if (!keeps(place, gridDim.y)) {
        norm(threadIdx.x, part, arena, out.x + row * out.y, in.x + row * in.y, n, constants, weight, eps);
        return;
    }
    norm_int8<NORM_GROUP>(threadIdx.x, part, arena, out.x + row * out.y, in.x + row * in.y, n, constants, weight, eps, place, row);
}

// Rows in int8. Items: 32 columns, row; INT8_LANES of them work together on as many times 32 columns.
KERNEL(ROW_GROUP) quantise(float *arena, uint4 in, uint4 place) {
    const uint row = blockIdx.y;
    if (!keeps(place, gridDim.y)) {
        return;
    }
    const uint first = blockIdx.x * ROW_GROUP * 32;
    quantise_columns<ROW_GROUP>(threadIdx.x, arena, in, place, row, first, min(first + ROW_GROUP * 32, place.z));
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

KERNEL(ROW_GROUP) rope(float *arena, uint4 out, uint4 in, uint4 how, const ulong64 *constants, uint frequencies,
        float magnitude, const int *step, Where where) {
    const uint p = blockIdx.x * ROW_GROUP + threadIdx.x;
    const uint t = blockIdx.y;
    if (p < how.w) {
        const float2 angle = turned(constants[frequencies + p % how.x], step[where.position + t], magnitude);
        turn(arena, out.x + t * out.y + p / how.x * out.w, in.x + t * in.y + p / how.x * in.w, how, p % how.x, angle);
    }
}

// A number to compare columns by: that of a greater value is greater, of equal values that of the lower column; of NaN it is the greatest.
DEVICE ulong64 rank(float v, uint column) {
    // Plus 0, since the two zeros are equal.
    const uint bits = __float_as_uint(v + 0.0f);
    const uint sortable = isnan(v) ? 0xffffffffu : bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
    return (ulong64)sortable << 32 | (0xffffffffu - column);
}

// What is under way of a row at a time, by each item: one multiprocessor reads all of it.
#define BEST_AHEAD 4

// The column of the greatest number of a row, of equal ones the first; -1 where there is a NaN, or nothing above negative infinity.
// `part` has a number for each warp.
DEVICE int best_column(uint item, ulong64 *part, const float *row, uint width) {
    ulong64 most = 0;
    uint base = item;
    for (; base + (BEST_AHEAD - 1) * ROW_GROUP < width; base += BEST_AHEAD * ROW_GROUP) {
        float v[BEST_AHEAD];
#pragma unroll
        for (uint k = 0; k < BEST_AHEAD; k++) {
            v[k] = row[base + k * ROW_GROUP];
        }
#pragma unroll
        for (uint k = 0; k < BEST_AHEAD; k++) {
            most = max(most, rank(v[k], base + k * ROW_GROUP));
        }
    }
    for (; base < width; base += ROW_GROUP) {
        most = max(most, rank(row[base], base));
    }
#pragma unroll
    for (uint offset = WARP / 2; offset > 0; offset /= 2) {
        most = max(most, __shfl_xor_sync(0xffffffffu, most, offset));
    }
    if (item % WARP == 0) {
        part[item / WARP] = most;
    }
    __syncthreads();
#pragma unroll
    for (uint w = 0; w < ROW_GROUP / WARP; w++) {
        most = max(most, part[w]);
    }
    const uint sortable = (uint)(most >> 32);
    // 0x007fffff stands for negative infinity.
    return sortable == 0xffffffffu || sortable <= 0x007fffffu ? -1 : (int)(0xffffffffu - (uint)most);
}

KERNEL(ROW_GROUP) best(float *arena, uint4 in, uint width, uint to) {
    __shared__ ulong64 part[ROW_GROUP / WARP];
    const uint row = blockIdx.y;
    const int column = best_column(threadIdx.x, part, arena + in.x + row * in.y, width);
    if (threadIdx.x == 0) {
        ((int *)arena)[to + row] = column;
    }
}
