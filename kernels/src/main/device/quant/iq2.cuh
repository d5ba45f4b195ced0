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

DEVICE float scale2(float d, uint s) {
    return d * (0.5f + (float)s) * 0.25f;
}

struct IQ2_XXS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 66, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        bytes group = b + 2 + 8 * (i >> 1 & 7);
        const uint l = 2 * (i & 1);
        const uint points = u16(group + l);
        const uint signs = field4<IQ2_XXS, 2>(group + 4);
        even_signed8(q, 0, IQ2XXS_GRID(points & 255), signs >> (7 * l));
        even_signed8(q, 2, IQ2XXS_GRID(points >> 8), signs >> (7 * l + 7));
        s = scale2(f16(b), signs >> 28);
    }
};

struct IQ2_XS : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 74, GROUP = 16;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint points = field4<IQ2_XS, 2>(b + 2 + 4 * k);
        even_signed8(q, 0, IQ2XS_GRID(points & 511), points >> 9);
        even_signed8(q, 2, IQ2XS_GRID(points >> 16 & 511), points >> 25);
        s = scale2(f16(b), nibble(b + 66, k));
    }
};

struct IQ2_S : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 82, GROUP = 16;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint points = u16(b + 2 + 2 * k);
        const uint signs = u16(b + 34 + 2 * k);
        const uint high = u8(b + 66 + (k >> 1)) >> (4 * (k & 1));
        signed8(q, 0, IQ2S_GRID((points & 255) | (high & 3) << 8), signs);
        signed8(q, 2, IQ2S_GRID(points >> 8 | (high >> 2 & 3) << 8), signs >> 8);
        s = scale2(f16(b), nibble(b + 74, k));
    }
};
