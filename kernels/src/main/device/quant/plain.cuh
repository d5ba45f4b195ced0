// Formats without blocks. Their rows need not be a multiple of 16 weights, nor of 16 bytes. PLAIN_TYPE tells the preprocessor.
#pragma once
#include "quant/codes.cuh"

struct Plain {
    static constexpr bool PLAIN = true, MIN = false, SLAB = false;
    static constexpr uint BLOCK = 1;
};

// 16 weights of two bytes each, as words.
DEVICE void halves16(bytes p, uint (&q)[8]) {
    if (((uintptr_t)p & 15) == 0) {
        load_words<16>(p, q);
    } else {
#pragma unroll
        for (uint j = 0; j < 8; j++) {
            q[j] = u32(p + 4 * j);
        }
    }
}

#define PLAIN_F32 1
struct F32 : Plain {
    static constexpr uint BYTES = 4;

    DEVICE void decode16(bytes row, uint i, float (&w)[16]) {
        const float *p = (const float *)row + 16 * i;
        load16(p, ((uintptr_t)p & 15) == 0, w);
    }

    DEVICE float decode1(bytes row, uint c) {
        return ((const float *)row)[c];
    }
};

#define PLAIN_F16 1
struct F16 : Plain {
    static constexpr uint BYTES = 2;

    DEVICE void decode16(bytes row, uint i, float (&w)[16]) {
        uint q[8];
        halves16(row + 32 * i, q);
#pragma unroll
        for (uint j = 0; j < 8; j++) {
            w[2 * j] = half_bits(q[j] & 0xffff);
            w[2 * j + 1] = half_bits(q[j] >> 16);
        }
    }

    DEVICE float decode1(bytes row, uint c) {
        return f16(row + 2 * c);
    }
};

#define PLAIN_BF16 1
struct BF16 : Plain {
    static constexpr uint BYTES = 2;

    DEVICE void decode16(bytes row, uint i, float (&w)[16]) {
        uint q[8];
        halves16(row + 32 * i, q);
#pragma unroll
        for (uint j = 0; j < 8; j++) {
            w[2 * j] = __uint_as_float(q[j] << 16);
            w[2 * j + 1] = __uint_as_float(q[j] & 0xffff0000u);
        }
    }

    DEVICE float decode1(bytes row, uint c) {
        return __uint_as_float(u16(row + 2 * c) << 16);
    }
};
