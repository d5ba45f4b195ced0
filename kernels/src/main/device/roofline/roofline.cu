// What a device reaches at best: bytes read, multiply-adds outside of tensor cores, and products in them.
#include "mma.cuh"

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

// What products of many rows with weights are made of in `fast`: 1024 multiply-adds of an item a turn, in tensor cores where tiles use them.
extern "C" __global__ void products(float4 *cells, uint turns) {
    float sum = 0;
#if defined(CUDA_CPU) || __CUDA_ARCH__ >= 800
    // A product of a warp has 64 of each lane.
    const uint chains = 8;
    const uint two = 0x3f803f80 + __float_as_uint(cells[0].x);
    const uint a[4] = {two, two, two, two};
    const uint b[2] = {two, two};
    float x[chains][4];
#pragma unroll
    for (uint i = 0; i < chains; i++) {
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            x[i][j] = (float)i;
        }
    }
    for (uint turn = 0; turn < 2 * turns; turn++) {
#pragma unroll
        for (uint i = 0; i < chains; i++) {
            mma_bf16(x[i], a, b);
        }
    }
#pragma unroll
    for (uint i = 0; i < chains; i++) {
        sum += x[i][0] + x[i][1] + x[i][2] + x[i][3];
    }
#else
    const float f = 0.5f + cells[0].x;
    float x[64];
#pragma unroll
    for (uint i = 0; i < 64; i++) {
        x[i] = f + (float)i;
    }
    for (uint turn = 0; turn < 16 * turns; turn++) {
#pragma unroll
        for (uint i = 0; i < 64; i++) {
            x[i] = fmaf(x[i], f, f);
        }
    }
#pragma unroll
    for (uint i = 0; i < 64; i++) {
        sum += x[i];
    }
#endif
    if (sum == -1) {
        cells[(size_t)blockIdx.x * blockDim.x + threadIdx.x] = make_float4(sum, sum, sum, sum);
    }
}
