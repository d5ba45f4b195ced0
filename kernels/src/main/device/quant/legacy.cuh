// One f16 scale d (and in some a minimum m) for a small block. Byte offsets:
//
//   Q4_0   0 d | 2 q: 16 x u8                   (q - 8) d
//   Q4_1   0 d | 2 m | 4 q: 16 x u8             q d + m
//   Q5_0   0 d | 2 h u32 | 6 q: 16 x u8         (q - 16) d
//   Q5_1   0 d | 2 m | 4 h u32 | 8 q: 16 x u8   q d + m
//   Q8_0   0 d | 2 q: 32 x i8                   q d
//   Q1_0   0 d | 2 q: 128 bits                  d where the bit is set, else -d
//   Q2_0   0 d | 2 q: 64 x 2 bits               (q - 1) d
//
// Low nibbles are weights 0 to 15 of a block, high nibbles 16 to 31; bit i of h is the fifth bit of weight i.
#pragma once
#include "quant/codes.cuh"

struct Q4_0 : Blocks {
    static constexpr uint BLOCK = 32, BYTES = 18, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<Q4_0, 2>(row + g * BYTES + 2, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &) {
        bytes b = row + g * BYTES;
        nibbles(q, high);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = minus(q[j], 8);
        }
        s = f16(b);
    }

    CODES_OF_PAIRS
};

struct Q4_1 : BlocksWithMinimum {
    static constexpr uint BLOCK = 32, BYTES = 20, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<Q4_1, 4>(row + g * BYTES + 4, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &m) {
        bytes b = row + g * BYTES;
        nibbles(q, high);
        const uint dm = field4<Q4_1, 0>(b);
        s = half_bits(dm);
        m = -half_bits(dm >> 16);
    }

    CODES_OF_PAIRS
};

struct Q5_0 : Blocks {
    static constexpr uint BLOCK = 32, BYTES = 22, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<Q5_0, 6>(row + g * BYTES + 6, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &) {
        bytes b = row + g * BYTES;
        nibbles(q, high);
        const uint h = u16(b + 2 + 2 * high);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = minus(q[j] | spread(h >> (4 * j)) << 4, 16);
        }
        s = f16(b);
    }

    CODES_OF_PAIRS
};

struct Q5_1 : BlocksWithMinimum {
    static constexpr uint BLOCK = 32, BYTES = 24, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<Q5_1, 8>(row + g * BYTES + 8, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &m) {
        bytes b = row + g * BYTES;
        nibbles(q, high);
        const uint h = field4<Q5_1, 4>(b + 4) >> (16 * high);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] |= spread(h >> (4 * j)) << 4;
        }
        const uint dm = field4<Q5_1, 0>(b);
        s = half_bits(dm);
        m = -half_bits(dm >> 16);
    }

    CODES_OF_PAIRS
};

struct Q8_0 : Blocks {
    static constexpr uint BLOCK = 32, BYTES = 34, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 1) * BYTES;
        field16<Q8_0, 2>(b + 2 + 16 * (i & 1), q);
        s = f16(b);
    }
};

struct Q1_0 : Blocks {
    static constexpr uint BLOCK = 128, BYTES = 18, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 3) * BYTES;
        const uint set = u16(b + 2 + 2 * (i & 7));
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = minus(spread(set >> (4 * j)) << 1, 1);
        }
        s = f16(b);
    }
};

struct Q2_0 : Blocks {
    static constexpr uint BLOCK = 64, BYTES = 18, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 2) * BYTES;
        const uint pairs = u32(b + 2 + 4 * (i & 3));
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            const uint four = pairs >> (8 * j) & 0xff;
            const uint two = (four | four << 12) & 0x000f000fu;
            q[j] = minus((two | two << 6) & 0x03030303u, 1);
        }
        s = f16(b);
    }
};
