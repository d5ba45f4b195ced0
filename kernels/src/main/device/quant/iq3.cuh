// Three-bit I-quants: 256 weights, every 4 a point of a grid of magnitudes, with signs. Byte offsets:
//
//   IQ3_XXS  0 d | 2 q: 64 x u8 | 66 b: 8 x u32                                      d (0.5 + s) 0.5 magnitude
//            b of 32 weights: s 31..28, sign index of the 8 weights l in bits 7l ... 7l + 6
//   IQ3_S    0 d | 2 q: 64 x u8 | 66 qh: 8 x u8 | 74 signs: 32 x u8 | 106 sc: 4 x u8   d (1 + 2s) magnitude
#pragma once
#include "codebook/IQ3S_GRID.cuh"
#include "codebook/IQ3XXS_GRID.cuh"
#include "quant/grid.cuh"

struct IQ3_XXS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 98, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        uint points[2];
        load_words<2>(b + 2 + 8 * k, points);
        q[0] = points[0];
        q[1] = points[1];
        q[2] = field4<IQ3_XXS, 66>(b + 66 + 4 * k);
        q[3] = u16(b);
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = high ? q[1] : q[0];
        const uint signs = q[2] >> (14 * high);
        s = half_bits(q[3]) * four_bits(q[2] >> 28) * 0.5f;
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = IQ3XXS_GRID(points >> (8 * j) & 255);
        }
        sign16_even(q, signs, signs >> 7);
    }

    CODES_OF_PAIRS
};

struct IQ3_S : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 110, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        uint points[2];
        load_words<2>(b + 2 + 8 * k, points);
        q[0] = points[0];
        q[1] = points[1];
        q[2] = field4<IQ3_S, 74>(b + 74 + 4 * k);
        q[3] = u8(b + 66 + k) | nibble(b + 106, k) << 8 | u16(b) << 16;
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = high ? q[1] : q[0];
        const uint signs = q[2] >> (16 * high);
        const uint top = q[3] >> (4 * high);
        s = half_bits(q[3] >> 16) * (float)(1 + 2 * (q[3] >> 8 & 15));
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = IQ3S_GRID((points >> (8 * j) & 255) | top << (8 - j) & 256);
        }
        sign16(q, signs);
    }

    CODES_OF_PAIRS
};
