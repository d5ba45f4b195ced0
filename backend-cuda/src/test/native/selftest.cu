// Kernels that test the emulated device itself, right ones and wrong ones: see EmulatorTest.
#include <cuda_fp16.h>
#include <stdint.h>

extern __shared__ __align__(16) unsigned char sm[];

// Sums of a block, twice through the same shared memory. With a barrier less, threads read what is not there yet, or not there any more.
template <bool WRITTEN, bool READ> __device__ float block_sum(float x) {
    __shared__ float part[256];
    if (READ) {
        __syncthreads();
    }
    part[threadIdx.x] = x;
    if (WRITTEN) {
        __syncthreads();
    }
    float sum = 0;
    for (unsigned i = 0; i < blockDim.x; i++) {
        sum += part[i];
    }
    return sum;
}

template <bool WRITTEN, bool READ> __device__ void sums(float *out, const float *in) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    const float first = block_sum<WRITTEN, READ>(in[i]);
    out[i] = first + block_sum<WRITTEN, READ>(2 * in[i]);
}

extern "C" __global__ void right(float *out, const float *in) {
    sums<true, true>(out, in);
}

extern "C" __global__ void no_barrier_after_writing(float *out, const float *in) {
    sums<false, true>(out, in);
}

extern "C" __global__ void no_barrier_after_reading(float *out, const float *in) {
    sums<true, false>(out, in);
}

// Sums of a warp by shuffles, and of its odd lanes alone.
extern "C" __global__ void shuffles(float *out, const float *in) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    float x = in[i];
    for (int by = 16; by > 0; by /= 2) {
        x += __shfl_xor_sync(0xffffffff, x, by);
    }
    float odd = 0;
    if (threadIdx.x % 2 == 1) {
        for (int lane = 1; lane < 32; lane += 2) {
            odd += __shfl_sync(0xaaaaaaaa, in[i], lane);
        }
    }
    __syncwarp();
    out[i] = x + odd + __popc(__ballot_sync(0xffffffff, threadIdx.x % 4 == 0));
}

extern "C" __global__ void divergent_barrier(float *out, const float *) {
    if (threadIdx.x < 32) {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

extern "C" __global__ void different_barriers(float *out, const float *) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

extern "C" __global__ void different_collectives(float *out, const float *in) {
    if (threadIdx.x % 32 < 16) {
        out[threadIdx.x] = __shfl_xor_sync(0xffffffff, in[threadIdx.x], 1);
    } else {
        out[threadIdx.x] = __ballot_sync(0xffffffff, 1);
    }
}

extern "C" __global__ void outside_its_mask(float *out, const float *in) {
    out[threadIdx.x] = __shfl_sync(0x0000ffff, in[threadIdx.x], 0);
}

extern "C" __global__ void from_outside_the_mask(float *out, const float *in) {
    if (threadIdx.x % 32 < 16) {
        out[threadIdx.x] = __shfl_sync(0x0000ffff, in[threadIdx.x], 20);
    }
}

extern "C" __global__ void behind_shared_memory(float *, const float *) {
    sm[64 + threadIdx.x % 2] = 1;
}

extern "C" __global__ void unwritten_shared_memory(float *out, const float *) {
    __shared__ float cells[256];
    out[threadIdx.x] = cells[threadIdx.x];
    out[threadIdx.x + blockDim.x] = ((float *)sm)[threadIdx.x % 16];
    // Of the block before.
    cells[threadIdx.x] = 1;
}

// One tile of 16 x 8: a as 16 x 16 halves from in, b as 16 x 8 from in + 256 (by column).
extern "C" __global__ void tensor_f16(float *out, const float *in) {
    const int g = threadIdx.x / 4;
    const int t = threadIdx.x % 4;
    uint32_t a[4], b[2];
    for (int i = 0; i < 4; i++) {
        const float *from = in + (g + (i % 2) * 8) * 16 + 2 * t + (i / 2) * 8;
        a[i] = __half_as_ushort(__float2half(from[0])) | (uint32_t)__half_as_ushort(__float2half(from[1])) << 16;
    }
    for (int i = 0; i < 2; i++) {
        const float *from = in + 256 + g * 16 + 2 * t + i * 8;
        b[i] = __half_as_ushort(__float2half(from[0])) | (uint32_t)__half_as_ushort(__float2half(from[1])) << 16;
    }
    float c[4] = {0, 0, 0, 0};
    mma_f16(c, a, b);
    for (int i = 0; i < 4; i++) {
        out[(g + (i / 2) * 8) * 8 + 2 * t + i % 2] = c[i];
    }
}
