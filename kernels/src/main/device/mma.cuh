// Tensor cores. Fragments as in PTX's mma.m16n8k16: of lane 4g + t,
//
//   c   rows g (c[0], c[1]) and g + 8 (c[2], c[3]), columns 2t and 2t + 1
//   a   a[0]: row g, columns 2t and 2t + 1; a[1]: row g + 8; a[2], a[3]: the same rows, columns 2t + 8 and 2t + 9
//   b   b[0]: rows 2t and 2t + 1 of column g; b[1]: rows 2t + 8 and 2t + 9
#pragma once
#include "common.cuh"

#ifdef CUDA_CPU

// The emulated device has mma_f16, and the collective that it is made of; a bfloat16 is the front half of a float.
struct Bf16 {
    uint16_t bits;

    operator float() const {
        return __uint_as_float((uint)bits << 16);
    }
};
#define mma_bf16(c, a, b) cuda_cpu::mma<2, Bf16, float>(CUDA_CPU_WHERE, c, a, b)

DEVICE uint rounded_bf16(float x) {
    const uint bits = __float_as_uint(x);
    return isnan(x) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

DEVICE uint pack_bf16(float low, float high) {
    return rounded_bf16(low) | rounded_bf16(high) << 16;
}

#else

// c += a b, of halves, in F32.
DEVICE void mma_f16(float *c, const uint *a, const uint *b) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    // Half as many columns of a at a time.
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(b[0]));
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[2]), "r"(a[3]), "r"(b[1]));
#endif
}

#if __CUDA_ARCH__ >= 800

// c += a b, of bfloat16, in F32.
DEVICE void mma_bf16(float *c, const uint *a, const uint *b) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Two floats as bfloat16, rounded to nearest even, the first one in the low half.
DEVICE uint pack_bf16(float low, float high) {
    uint packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

#endif

#endif
