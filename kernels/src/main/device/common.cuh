// What all kernels share: how weights, slots and the step block are addressed, loads, sums over a warp.
//
// The body of an op is a __device__ function that is told which group (of which grid) and which item it is, so that a launch of
// its own, a fused one and a persistent one can have the same. A __global__ function only takes the arguments.
#pragma once
#include <cuda_fp16.h>
#include <stdint.h>

#include "tuning.cuh"

#define CAT2(a, b) a##_##b
#define CAT(a, b) CAT2(a, b)
#define DEVICE static __device__ __forceinline__
#define DEVICE_MEMBER __device__ __forceinline__
#define KERNEL(items) extern "C" __global__ void __launch_bounds__(items)
// Groups that a multiprocessor should have at least: ptxas else aims at more, and spills.
#define KERNEL_BESIDE(items, groups) extern "C" __global__ void __launch_bounds__(items, groups)

typedef unsigned int uint;
typedef unsigned short ushort;
typedef unsigned long long ulong64;
typedef const uint8_t *bytes;

extern __shared__ __align__(16) unsigned char sm[];

// Where the arrays of the step block start (see Step), pages of a sequence, rows of a page.
struct Where {
    uint token, position, sequence, output, page, pages, page_rows, unused;
};

// The work-group: its place in the grid, and the grid.
struct Group {
    uint x, y, z, all_x, all_y, all_z;
};

DEVICE Group this_group() {
    return {blockIdx.x, blockIdx.y, blockIdx.z, gridDim.x, gridDim.y, gridDim.z};
}

// A view: x its first cell in the arena, y cells from row to row, z columns of a group, w cells from group to group.
DEVICE uint cell(uint4 v, uint row, uint column) {
    return v.x + row * v.y + column / v.z * v.w + column % v.z;
}

// How many rows an op has in this step: x is the number in the step block that counts them, y rows for each of those.
DEVICE uint row_count(const int *step, uint2 counted) {
    return (uint)step[counted.x] * counted.y;
}

DEVICE uint cache_row(const int *step, const Where &where, uint sequence, uint position) {
    return (uint)step[where.page + sequence * where.pages + position / where.page_rows] * where.page_rows
            + position % where.page_rows;
}

DEVICE float half_bits(uint bits) {
    return __half2float(__ushort_as_half((ushort)bits));
}

DEVICE float silu(float x) {
    return x / (1 + expf(-x));
}

// The sum over a warp, in every lane of it.
DEVICE float warp_sum(float v) {
#pragma unroll
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        v += __shfl_xor_sync(0xffffffffu, v, offset);
    }
    return v;
}

// The sum over a group of ITEMS work-items, in every one of them. `part` has a float for each warp; between two sums that use
// the same part there has to be a barrier.
template <uint ITEMS> DEVICE float group_sum(float v, float *part, uint item) {
    v = warp_sum(v);
    if (item % WARP == 0) {
        part[item / WARP] = v;
    }
    __syncthreads();
    float sum = 0;
#pragma unroll
    for (uint w = 0; w < ITEMS / WARP; w++) {
        sum += part[w];
    }
    return sum;
}

// N words from p, which is a multiple of ALIGN bytes. At ALIGN 2 the words around it are read and shifted: at most two bytes
// beyond either end, never beyond the aligned word that holds the end.
template <uint ALIGN, uint N> DEVICE void load_words(bytes p, uint (&w)[N]) {
    if constexpr (ALIGN >= 16 && N % 4 == 0) {
#pragma unroll
        for (uint i = 0; i < N / 4; i++) {
            const uint4 v = ((const uint4 *)p)[i];
            w[4 * i] = v.x;
            w[4 * i + 1] = v.y;
            w[4 * i + 2] = v.z;
            w[4 * i + 3] = v.w;
        }
    } else if constexpr (ALIGN >= 8 && N % 2 == 0) {
#pragma unroll
        for (uint i = 0; i < N / 2; i++) {
            const uint2 v = ((const uint2 *)p)[i];
            w[2 * i] = v.x;
            w[2 * i + 1] = v.y;
        }
    } else if constexpr (ALIGN >= 4) {
#pragma unroll
        for (uint i = 0; i < N; i++) {
            w[i] = ((const uint *)p)[i];
        }
    } else if constexpr (ALIGN == 2) {
        const uint odd = (uint)(uintptr_t)p & 2;
        const uint *aligned = (const uint *)(p - odd);
        uint low = aligned[0];
#pragma unroll
        for (uint i = 0; i < N; i++) {
            // At an address that needs no shift the last word is read twice, not the one after it.
            const uint high = aligned[i + (i + 1 < N ? 1 : odd / 2)];
            w[i] = __funnelshift_r(low, high, 8 * odd);
            low = high;
        }
    } else {
#pragma unroll
        for (uint i = 0; i < N; i++) {
            w[i] = p[4 * i] | p[4 * i + 1] << 8 | p[4 * i + 2] << 16 | (uint)p[4 * i + 3] << 24;
        }
    }
}

// Little-endian fields of a block.
DEVICE uint u8(bytes p) {
    return *p;
}

DEVICE uint u16(bytes p) {
    return *(const ushort *)p;
}

// At an even address.
DEVICE uint u32(bytes p) {
    return u16(p) | u16(p + 2) << 16;
}

DEVICE float f16(bytes p) {
    return half_bits(u16(p));
}

// Nibble k of the bytes from p: the low half of byte k/2 for even k, the high half for odd k.
DEVICE uint nibble(bytes p, uint k) {
    return u8(p + (k >> 1)) >> (4 * (k & 1)) & 15;
}

// Whether rows of floats that start so far from the arena, and are so far apart, can be read four at a time.
DEVICE bool fours(uint first, uint row, uint group) {
    return ((first | row | group) & 3) == 0;
}

// Four floats; `aligned` is the same for the whole launch.
DEVICE float4 load4(const float *p, bool aligned) {
    if (aligned) {
        return *(const float4 *)p;
    }
    return make_float4(p[0], p[1], p[2], p[3]);
}

DEVICE void load16(const float *p, bool aligned, float (&x)[16]) {
#pragma unroll
    for (uint i = 0; i < 4; i++) {
        const float4 v = load4(p + 4 * i, aligned);
        x[4 * i] = v.x;
        x[4 * i + 1] = v.y;
        x[4 * i + 2] = v.z;
        x[4 * i + 3] = v.w;
    }
}
