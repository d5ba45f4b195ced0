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

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint points = field4<IQ3_XXS, 2>(b + 2 + 4 * k);
        const uint group = field4<IQ3_XXS, 66>(b + 66 + 4 * (k >> 1));
        const uint l = 14 * (k & 1);
        uint mask[4];
        even_masks(group >> l, mask[0], mask[1]);
        even_masks(group >> (l + 7), mask[2], mask[3]);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = signed4(IQ3XXS_GRID(points >> (8 * j) & 255), mask[j]);
        }
        s = f16(b) * (0.5f + (float)(group >> 28)) * 0.5f;
    }
};

struct IQ3_S : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 110, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint points = field4<IQ3_S, 2>(b + 2 + 4 * k);
        const uint high = u8(b + 66 + (k >> 1)) >> (4 * (k & 1));
        const uint signs = u16(b + 74 + 2 * k);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = signed4(IQ3S_GRID((points >> (8 * j) & 255) | (high >> j & 1) << 8), masks(signs >> (4 * j) & 15));
        }
        s = f16(b) * (float)(1 + 2 * nibble(b + 106, k >> 1));
    }
};
