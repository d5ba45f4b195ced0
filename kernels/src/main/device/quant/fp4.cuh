// Four-bit floats E2M1, whose levels the table has doubled. Byte offsets:
//
//   MXFP4  0 e u8 | 1 q: 16 x u8             32 weights  level 2^(e - 128)
//   NVFP4  0 s: 4 x u8 | 4 q: 32 x u8        64 weights  level s / 2, s an unsigned E4M3
#pragma once
#include "codebook/KVALUES_MXFP4.cuh"
#include "quant/levels.cuh"

struct MXFP4 : Blocks {
    static constexpr uint BLOCK = 32, BYTES = 17, GROUP = 32;
    static constexpr bool PAIRS = true;

    DEVICE void both(bytes row, uint g, uint (&q)[4]) {
        field16<MXFP4, 1>(row + g * BYTES + 1, q);
    }

    DEVICE void half(bytes row, uint g, uint high, uint (&q)[4], float &s, float &) {
        bytes b = row + g * BYTES;
        levels16(LEVELS(KVALUES_MXFP4), q, high);
        const uint e = u8(b);
        // 2^(e - 128); below 2 it is subnormal.
        s = __uint_as_float(e < 2 ? 0x200000u << e : (e - 1) << 23);
    }

    CODES_OF_PAIRS
};

// 4 bits of exponent with bias 7, 3 of fraction; the NaN pattern counts as 0.
DEVICE float ue4m3(uint bits) {
    const uint exponent = bits >> 3 & 15;
    const uint fraction = bits & 7;
    if (bits == 0x7f) {
        return 0;
    }
    return exponent == 0 ? (float)fraction * (1.0f / 512) : (float)(8 + fraction) * __uint_as_float((exponent + 117) << 23);
}

struct NVFP4 : Blocks {
    static constexpr uint BLOCK = 64, BYTES = 36, GROUP = 16;

    // The low nibbles of 8 bytes, then their high ones.
    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 2) * BYTES;
        uint w[2];
        load_words<4>(b + 4 + 8 * (i & 3), w);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = levels4(LEVELS(KVALUES_MXFP4), w[j & 1], j >> 1);
        }
        s = ue4m3(u8(b + (i & 3))) * 0.5f;
    }
};
