// Four-bit I-quants: each nibble picks one of 16 uneven levels. Byte offsets:
//
//   IQ4_NL  0 d | 2 q: 16 x u8                                   d level
//   IQ4_XS  0 d | 2 sHigh u16 | 4 sLow: 4 x u8 | 8 q: 128 x u8   d (s - 32) level
#pragma once
#include "codebook/KVALUES_IQ4NL.cuh"
#include "quant/levels.cuh"

struct IQ4_NL : Blocks {
    static constexpr uint BLOCK = 32, BYTES = 18, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<IQ4_NL, 2>(row + g * BYTES + 2, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &) {
        bytes b = row + g * BYTES;
        levels16(LEVELS(KVALUES_IQ4NL), q, high);
        s = f16(b);
    }

    CODES_OF_PAIRS
};

struct IQ4_XS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 136, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<IQ4_XS, 8>(row + (g >> 3) * BYTES + 8 + 16 * (g & 7), q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &) {
        uint head[2];
        load_words<8>(row + (g >> 3) * BYTES, head);
        levels16(LEVELS(KVALUES_IQ4NL), q, high);
        const uint sc = (head[1] >> (4 * (g & 7)) & 15) | (head[0] >> (16 + 2 * (g & 7)) & 3) << 4;
        s = half_bits(head[0]) * (float)((int)sc - 32);
    }

    CODES_OF_PAIRS
};
