// Four-bit I-quants: each nibble picks one of 16 uneven levels. Byte offsets:
//
//   IQ4_NL  0 d | 2 q: 16 x u8                                   d level
//   IQ4_XS  0 d | 2 sHigh u16 | 4 sLow: 4 x u8 | 8 q: 128 x u8   d (s - 32) level
#pragma once
#include "codebook/KVALUES_IQ4NL.cuh"
#include "quant/levels.cuh"

struct IQ4_NL : Blocks {
    static constexpr uint BLOCK = 32, BYTES = 18, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 1) * BYTES;
        field16<IQ4_NL, 2>(b + 2, q);
        levels16(LEVELS(KVALUES_IQ4NL), q, i & 1);
        s = f16(b);
    }
};

struct IQ4_XS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 136, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint g = i >> 1 & 7;
        uint head[2];
        load_words<8>(b, head);
        field16<IQ4_XS, 8>(b + 8 + 16 * g, q);
        levels16(LEVELS(KVALUES_IQ4NL), q, i & 1);
        const uint sc = (head[1] >> (4 * g) & 15) | (head[0] >> (16 + 2 * g) & 3) << 4;
        s = half_bits(head[0]) * (float)((int)sc - 32);
    }
};
