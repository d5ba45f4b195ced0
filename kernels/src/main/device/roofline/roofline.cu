// What a device reaches at best: bytes read, and multiply-adds outside of tensor cores.
#include "common.cuh"

// An item reads `turns` vectors, neighbours next to each other.
extern "C" __global__ void read_all(float4 *cells, uint turns) {
    const size_t from = blockIdx.x * (size_t)blockDim.x * turns + threadIdx.x;
    float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 8
    for (uint i = 0; i < turns; i++) {
        const float4 v = cells[from + i * blockDim.x];
        sum = make_float4(sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w);
    }
    // Never so: the cells are 0. The compiler does not know.
    if (sum.x + sum.y + sum.z + sum.w == 1) {
        cells[from] = sum;
    }
}

// Sixty-four chains, each a multiply-add a turn.
extern "C" __global__ void multiply_adds(float4 *cells, uint turns) {
    const float f = 0.5f + cells[0].x;
    float chain[64];
#pragma unroll
    for (uint i = 0; i < 64; i++) {
        chain[i] = f + (float)i;
    }
    for (uint turn = 0; turn < turns; turn++) {
#pragma unroll
        for (uint i = 0; i < 64; i++) {
            chain[i] = fmaf(chain[i], f, f);
        }
    }
    float sum = 0;
#pragma unroll
    for (uint i = 0; i < 64; i++) {
        sum += chain[i];
    }
    if (sum == -1) {
        cells[(size_t)blockIdx.x * blockDim.x + threadIdx.x] = make_float4(sum, sum, sum, sum);
    }
}
