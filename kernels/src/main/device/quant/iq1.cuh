// One-bit I-quants: 256 weights, every 8 a point of a grid of -1, 0, 1, moved by a delta of +-0.125. Byte offsets:
//
//   IQ1_S  0 d | 2 q: 32 x u8 | 34 qh: 8 x u16
//          qh of 32 weights: delta negative 15, s 14..12, high bits of the grid index of the 8 weights l in bits 3l ... 3l + 2
//   IQ1_M  0 q: 32 x u8 | 32 qh: 16 x u8 | 48 sc: 4 x u16
//          nibble of qh for 8 weights: delta negative 3, high bits of the grid index 2..0
//          sc[n]: nibble n of d 15..12, s of the 16 weights 4n + m in bits 3m ... 3m + 2
//
// A weight is d (2s + 1) (value + delta). A code is 8 times the last factor.
#pragma once
#include "codebook/IQ1S_GRID.cuh"
#include "quant/codes.cuh"

// Four of -1, 0, 1, times 8, and 1 more or less.
DEVICE uint moved4(uint values, uint negative) {
    const uint moved = (values << 3 & 0xf8f8f8f8u) ^ 0x80808080u;
    return (negative ? moved - 0x01010101u : moved + 0x01010101u) ^ 0x80808080u;
}

DEVICE void moved8(uint (&q)[4], uint j, uint point, uint negative) {
    const ulong64 values = IQ1S_GRID(point);
    q[j] = moved4((uint)values, negative);
    q[j + 1] = moved4((uint)(values >> 32), negative);
}

struct IQ1_S : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 50, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        q[0] = field4<IQ1_S, 2>(b + 2 + 4 * k);
        q[1] = u16(b + 34 + 2 * k) | u16(b) << 16;
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = q[0] >> (16 * high);
        const uint top = q[1] >> (6 * high);
        const uint negative = q[1] >> 15 & 1;
        s = half_bits(q[1] >> 16) * (float)(2 * (q[1] >> 12 & 7) + 1) * 0.125f;
        moved8(q, 0, (points & 255) | (top & 7) << 8, negative);
        moved8(q, 2, (points >> 8 & 255) | (top >> 3 & 7) << 8, negative);
    }

    CODES_OF_PAIRS
};

struct IQ1_M : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 56, GROUP = 16;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        bytes b = row + (g >> 3) * BYTES;
        const uint k = g & 7;
        uint sc[2];
        load_words<8>(b + 48, sc);
        q[0] = field4<IQ1_M, 0>(b + 4 * k);
        q[1] = u16(b + 32 + 2 * k);
        q[2] = (sc[0] >> 12 & 15) | (sc[0] >> 28) << 4 | (sc[1] >> 12 & 15) << 8 | (sc[1] >> 28) << 12;
        q[3] = (k & 4 ? sc[1] : sc[0]) >> (16 * (k >> 1 & 1) + 6 * (k & 1));
    }

    DEVICE void half(bytes, uint, uint high, uint (&q)[4], float &s, float &) {
        const uint points = q[0] >> (16 * high);
        const uint top = q[1] >> (8 * high);
        s = half_bits(q[2]) * (float)(2 * (q[3] >> (3 * high) & 7) + 1) * 0.125f;
        moved8(q, 0, (points & 255) | (top & 7) << 8, top & 8);
        moved8(q, 2, (points >> 8 & 255) | (top >> 4 & 7) << 8, top & 128);
    }

    CODES_OF_PAIRS
};
