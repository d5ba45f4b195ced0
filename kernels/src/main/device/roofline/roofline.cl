// What a device reaches at best.
//
//   WIDE_SUMS   whether a work-item has vector units to itself

// A work-item reads `turns` vectors, neighbours next to each other; on processors the first one of a group all of its.
__kernel void read_all(__global float4 *cells, uint turns) {
#if WIDE_SUMS
    const size_t from = get_group_id(0) * (size_t)get_local_size(0) * turns;
    const uint all = get_local_id(0) == 0 ? get_local_size(0) * turns : 0;
    float16 sums[4];
    for (uint i = 0; i < 4; i++) {
        sums[i] = 0;
    }
    for (uint i = 0; i < all; i += 16) {
#pragma unroll
        for (uint k = 0; k < 4; k++) {
            sums[k] += *(__global float16 *)(cells + from + i + 4 * k);
        }
    }
    const float16 four = sums[0] + sums[1] + (sums[2] + sums[3]);
    const float4 sum = four.lo.lo + four.lo.hi + four.hi.lo + four.hi.hi;
#else
    const size_t from = get_group_id(0) * (size_t)get_local_size(0) * turns + get_local_id(0);
    float4 sum = 0;
    for (uint i = 0; i < turns; i++) {
        sum += cells[from + i * get_local_size(0)];
    }
#endif
    // Never so: the cells are 0. The compiler does not know.
    if (sum.x + sum.y + sum.z + sum.w == 1) {
        cells[from] = sum;
    }
}

// Four chains of sixteen lanes, each a multiply-add a turn.
__kernel void multiply_adds(__global float4 *cells, uint turns) {
    const float16 f = (float16)(0.5f) + cells[0].x;
    float16 a = f;
    float16 b = f + 1;
    float16 c = f + 2;
    float16 d = f + 3;
    for (uint i = 0; i < turns; i++) {
        a = fma(a, f, f);
        b = fma(b, f, f);
        c = fma(c, f, f);
        d = fma(d, f, f);
    }
    const float16 sum = a + b + c + d;
    if (sum.s0 + sum.s5 + sum.sa + sum.sf == -1) {
        cells[get_global_id(0)] = sum.s0123;
    }
}

// What products of many rows with weights are made of in `fast`: 1024 multiply-adds a turn, in integers on processors that can, else in
// floats.
#define INT8_WITHIN WIDE_SUMS
#include "quant/wide.clh"
#ifdef CODES64
typedef int16 chain;
#define CHAINS 16
#define STEPS 1
#define NEXT(v, f) (v + quad_sums(__builtin_astype(f, uchar64), __builtin_astype(v, char64)))
#else
typedef float16 chain;
#define CHAINS 8
#define STEPS 8
#define NEXT(v, f) fma(v, f, f)
#endif
__kernel void products(__global float4 *cells, uint turns) {
    const chain w = (chain)(0.5f + cells[0].x);
    chain x[CHAINS];
#pragma unroll
    for (uint i = 0; i < CHAINS; i++) {
        x[i] = w + (chain)(i);
    }
    for (uint turn = 0; turn < turns; turn++) {
#pragma unroll
        for (uint step = 0; step < STEPS; step++) {
#pragma unroll
            for (uint i = 0; i < CHAINS; i++) {
                x[i] = NEXT(x[i], w);
            }
        }
    }
    chain sum = x[0];
#pragma unroll
    for (uint i = 1; i < CHAINS; i++) {
        sum += x[i];
    }
    if (sum.x + sum.y + sum.z + sum.w == -1) {
        cells[get_global_id(0)] = (float4)(sum.x);
    }
}
