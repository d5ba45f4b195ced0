// Ops that work on each row by itself.
#include "common.cuh"

// A block for each group of columns of each row.
extern "C" __global__ void __launch_bounds__(NORM_GROUP) rms_norm(float *arena, view out, view in, unsigned n,
        const float *constants, unsigned weight, float eps) {
    __shared__ float part[NORM_GROUP / 32];
    const float *from = arena + in.x + blockIdx.y * in.y + blockIdx.x * in.w;
    float *to = arena + out.x + blockIdx.y * out.y + blockIdx.x * out.w;
    float sum = 0;
    for (unsigned i = threadIdx.x; i < n; i += NORM_GROUP) {
        sum += from[i] * from[i];
    }
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) {
        part[threadIdx.x / 32] = sum;
    }
    __syncthreads();
    sum = 0;
    for (unsigned i = 0; i < NORM_GROUP / 32; i++) {
        sum += part[i];
    }
    const float factor = 1 / sqrtf(sum / n + eps);
    for (unsigned i = threadIdx.x; i < n; i += NORM_GROUP) {
        to[i] = from[i] * factor * constants[weight + i];
    }
}

// Threads of the kernels below: column, row.
extern "C" __global__ void __launch_bounds__(ROW_GROUP) swiglu(float *arena, view out, view gate, view up, unsigned width) {
    const unsigned i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const unsigned row = blockIdx.y;
    if (i < width) {
        arena[cell(out, row, i)] = silu(arena[cell(gate, row, i)]) * arena[cell(up, row, i)];
    }
}

extern "C" __global__ void __launch_bounds__(ROW_GROUP) add(float *arena, view out, view a, view b, unsigned width) {
    const unsigned i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const unsigned row = blockIdx.y;
    if (i < width) {
        arena[cell(out, row, i)] = arena[cell(a, row, i)] + arena[cell(b, row, i)];
    }
}

// Row t of the output is the weighted sum of rows t used ... t used + used - 1 of the input, and what is to be added.
extern "C" __global__ void __launch_bounds__(ROW_GROUP) expert_sum(float *arena, view out, view in, view weights, view residual,
        unsigned used, unsigned width) {
    const unsigned i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const unsigned t = blockIdx.y;
    if (i < width) {
        float sum = 0;
        for (unsigned j = 0; j < used; j++) {
            sum += arena[cell(weights, t, j)] * arena[cell(in, t * used + j, i)];
        }
        arena[cell(out, t, i)] = sum + (residual.y > 0 ? arena[cell(residual, t, i)] : 0);
    }
}

extern "C" __global__ void __launch_bounds__(ROW_GROUP) select_rows(float *arena, view out, view in, unsigned width,
        const int *step, where8 where) {
    const unsigned i = blockIdx.x * ROW_GROUP + threadIdx.x;
    const unsigned row = blockIdx.y;
    if (i < width) {
        arena[cell(out, row, i)] = arena[cell(in, (unsigned)step[where.output + row], i)];
    }
}

// Threads: pair of columns, token. Frequencies are turns per position, as fractions of 2^64: a position times a frequency
// overflows by whole turns, so the angle is exact at any position.
// how: x pairs in a group, y columns from the first of a pair to the second, z columns from pair to pair, w pairs in all.
extern "C" __global__ void __launch_bounds__(ROW_GROUP) rope(float *arena, view out, view in, uint4 how,
        const unsigned long long *constants, unsigned frequencies, float magnitude, const int *step, where8 where) {
    const unsigned p = blockIdx.x * ROW_GROUP + threadIdx.x;
    const unsigned t = blockIdx.y;
    if (p >= how.w) {
        return;
    }
    const unsigned g = p / how.x;
    const unsigned i = p % how.x;
    const long long turns = (long long)((unsigned)step[where.position + t] * constants[frequencies + i]);
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
