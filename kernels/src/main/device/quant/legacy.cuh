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

// Nibbles from byte AT of a block of BYTES, in some with fifth bits from byte HIGH (0: none). Without a minimum codes are signed.
template <class KIND, uint SIZE, uint HIGH, uint AT> struct NibbleBlocks : KIND {
    static constexpr uint BLOCK = 32, BYTES = SIZE, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        load_words<alignment(BYTES, AT)>(row + g * BYTES + AT, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &m) {
        bytes b = row + g * BYTES;
        nibbles(q, high);
        if constexpr (HIGH > 0) {
            const uint fifth = BYTES % 4 == 0 ? *(const uint *)(b + HIGH) >> (16 * high) : u16(b + HIGH + 2 * high);
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                q[j] |= spread(fifth >> (4 * j)) << 4;
            }
        }
        if constexpr (KIND::MIN) {
            const uint dm = *(const uint *)b;
            s = half_bits(dm);
            m = -half_bits(dm >> 16);
        } else {
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                q[j] = minus(q[j], HIGH > 0 ? 16 : 8);
            }
            s = f16(b);
        }
    }

    CODES_OF_PAIRS
};

struct Q4_0 : NibbleBlocks<Blocks, 18, 0, 2> {};
struct Q4_1 : NibbleBlocks<BlocksWithMinimum, 20, 0, 4> {};
struct Q5_0 : NibbleBlocks<Blocks, 22, 2, 6> {};
struct Q5_1 : NibbleBlocks<BlocksWithMinimum, 24, 4, 8> {};

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
