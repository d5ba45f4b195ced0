// What a device reaches at best.
#include "common.cuh"

// A thread reads `turns` vectors, neighbours next to each other.
extern "C" __global__ void read_all(float4 *cells, unsigned turns) {
    const size_t from = blockIdx.x * (size_t)blockDim.x * turns + threadIdx.x;
    float4 sum = make_float4(0, 0, 0, 0);
    for (unsigned i = 0; i < turns; i++) {
        const float4 v = cells[from + i * blockDim.x];
        sum.x += v.x;
        sum.y += v.y;
        sum.z += v.z;
        sum.w += v.w;
    }
    // Never so: the cells are 0. The compiler does not know.
    if (sum.x + sum.y + sum.z + sum.w == 1) {
        cells[from] = sum;
    }
}

// Four chains of sixteen sums, each a multiply-add a turn.
extern "C" __global__ void multiply_adds(float4 *cells, unsigned turns) {
    const float f = 0.5f + cells[0].x;
    float sums[64];
#pragma unroll
    for (int i = 0; i < 64; i++) {
        sums[i] = f + i / 16;
    }
    for (unsigned turn = 0; turn < turns; turn++) {
#pragma unroll
        for (int i = 0; i < 64; i++) {
            sums[i] = fmaf(sums[i], f, f);
        }
    }
    float sum = 0;
#pragma unroll
    for (int i = 0; i < 64; i++) {
        sum += sums[i];
    }
    if (sum == -1) {
        cells[blockIdx.x * (size_t)blockDim.x + threadIdx.x].x = sum;
    }
}
