// What all kernels share: how weights, slots and the step block are addressed. CUDA C++.
#pragma once
#include <cuda_fp16.h>
#include <stdint.h>
#include "tuning.cuh"

#define CAT2(a, b) a##b
#define CAT(a, b) CAT2(a, b)

typedef const uint8_t *bytes;

// A view: x its first cell in the arena, y cells from row to row, z columns of a group, w cells from group to group.
typedef uint4 view;

// Where the arrays of the step block start (see Step), pages of a sequence, rows of a page.
struct where8 {
    unsigned token, position, sequence, output, page, sequence_pages, page_rows, unused;
};

__device__ __forceinline__ unsigned cell(view v, unsigned row, unsigned column) {
    return v.x + row * v.y + column / v.z * v.w + column % v.z;
}

// How many rows an op has in this step: x is the number in the step block that counts them, y rows for each of those.
__device__ __forceinline__ unsigned row_count(const int *step, uint2 counted) {
    return (unsigned)step[counted.x] * counted.y;
}

__device__ __forceinline__ unsigned cache_row(const int *step, const where8 &where, unsigned sequence, unsigned position) {
    return (unsigned)step[where.page + sequence * where.sequence_pages + position / where.page_rows] * where.page_rows
            + position % where.page_rows;
}

// Little-endian fields of a block, which lies at an even address.
__device__ __forceinline__ unsigned u16(bytes p) {
    return *(const uint16_t *)p;
}

__device__ __forceinline__ unsigned u32(bytes p) {
    return u16(p) | u16(p + 2) << 16;
}

__device__ __forceinline__ float f16(bytes p) {
    return __half2float(*(const __half *)p);
}

__device__ __forceinline__ float silu(float x) {
    return x / (1 + expf(-x));
}

// The sum over the lanes of a warp, in all of them.
__device__ __forceinline__ float warp_sum(float x) {
    for (int offset = 16; offset > 0; offset /= 2) {
        x += __shfl_xor_sync(0xffffffffu, x, offset);
    }
    return x;
}
