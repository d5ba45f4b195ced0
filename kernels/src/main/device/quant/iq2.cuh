// Two-bit I-quants: 256 weights, every 8 a point of a grid of magnitudes, with signs. Byte offsets:
//
//   IQ2_XXS  0 d | 2 group: 8 x (a u32, b u32)
//            a: four grid indices; b: s 31..28, sign index of the 8 weights l in bits 7l ... 7l + 6
//   IQ2_XS   0 d | 2 q: 32 x u16 | 66 sc: 8 x u8                  q: sign index 15..9, grid index 8..0
//   IQ2_S    0 d | 2 q: 32 x u8 | 34 signs: 32 x u8 | 66 qh: 8 x u8 | 74 sc: 8 x u8
//
// A weight is d (0.5 + s) 0.25 magnitude with its sign.
#pragma once
#include "codebook/IQ2S_GRID.cuh"
#include "codebook/IQ2XS_GRID.cuh"
#include "codebook/IQ2XXS_GRID.cuh"
#include "quant/grid.cuh"

struct IQ2_XXS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 66, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        q[0] = field4<IQ2_XXS, 2>(b + 2 + 8 * k);
        q[1] = field4<IQ2_XXS, 2>(b + 6 + 8 * k);
        q[2] = u16(b);
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = q[0] >> (16 * high);
        const uint signs = q[1] >> (14 * high);
        s = half_bits(q[2]) * four_bits(q[1] >> 28) * 0.25f;
        put8(q, 0, IQ2XXS_GRID(points & 255));
        put8(q, 2, IQ2XXS_GRID(points >> 8 & 255));
        sign16_even(q, signs, signs >> 7);
    }

    CODES_OF_PAIRS
};

struct IQ2_XS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 74, GROUP = 16;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        uint points[2];
        load_words<2>(b + 2 + 8 * k, points);
        q[0] = points[0];
        q[1] = points[1];
        q[2] = u16(b) | u8(b + 66 + k) << 16;
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = high ? q[1] : q[0];
        s = half_bits(q[2] & 0xffff) * four_bits(q[2] >> (16 + 4 * high) & 15) * 0.25f;
        put8(q, 0, IQ2XS_GRID(points & 511));
        put8(q, 2, IQ2XS_GRID(points >> 16 & 511));
        sign16_even(q, points >> 9, points >> 25);
    }

    CODES_OF_PAIRS
};

struct IQ2_S : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 82, GROUP = 16;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        q[0] = field4<IQ2_S, 2>(b + 2 + 4 * k);
        q[1] = field4<IQ2_S, 34>(b + 34 + 4 * k);
        q[2] = u8(b + 66 + k);
        q[3] = u16(b) | u8(b + 74 + k) << 16;
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = q[0] >> (16 * high);
        const uint signs = q[1] >> (16 * high);
        const uint top = q[2] >> (4 * high);
        s = half_bits(q[3] & 0xffff) * four_bits(q[3] >> (16 + 4 * high) & 15) * 0.25f;
        put8(q, 0, IQ2S_GRID((points & 255) | (top & 3) << 8));
        put8(q, 2, IQ2S_GRID((points >> 8 & 255) | (top >> 2 & 3) << 8));
        sign16(q, signs);
    }

    CODES_OF_PAIRS
};
