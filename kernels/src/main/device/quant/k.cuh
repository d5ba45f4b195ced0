// K-quants: 256 weights whose groups have quantised scales s (and minima m) of their own. Byte offsets:
//
//   Q2_K   0 sc: 16 x u8 | 16 q: 64 x u8 | 80 d | 82 dmin                      groups of 16
//   Q3_K   0 hmask: 32 x u8 | 32 q: 64 x u8 | 96 sc: 12 x u8 | 108 d           groups of 16
//   Q4_K   0 d | 2 dmin | 4 sc: 12 x u8 | 16 q: 128 x u8                       groups of 32
//   Q5_K   0 d | 2 dmin | 4 sc: 12 x u8 | 16 qh: 32 x u8 | 48 q: 128 x u8      groups of 32
//   Q6_K   0 ql: 128 x u8 | 128 qh: 64 x u8 | 192 sc: 16 x i8 | 208 d          groups of 16
//   Q8_K   0 d f32 | 4 q: 256 x i8 | 260 sums
//
// k is the number of the 16 weights in their block.
#pragma once
#include "quant/codes.cuh"

// Two bits in planes: byte 32n + l has, for j = 0 ... 3 from its low bits up, weight 128n + 32j + l.
DEVICE uint plane_at(uint k) {
    return (k >> 3) * 32 + (k & 1) * 16;
}

DEVICE uint plane_bits(uint word, uint k) {
    return word >> (2 * (k >> 1 & 3)) & 0x03030303u;
}

struct Q2_K : BlocksWithMinimum {
    static constexpr uint BLOCK = 256, BYTES = 84, GROUP = 16;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &m) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        field16<Q2_K, 16>(b + 16 + plane_at(k), q);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = plane_bits(q[j], k);
        }
        const uint sc = u8(b + k);
        const uint d = field4<Q2_K, 80>(b + 80);
        s = half_bits(d) * (float)(sc & 15);
        m = half_bits(d >> 16) * (float)(sc >> 4);
    }
};

struct Q3_K : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 110, GROUP = 16;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        uint high[4];
        field16<Q3_K, 0>(b + (k & 1) * 16, high);
        field16<Q3_K, 32>(b + 32 + plane_at(k), q);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = minus(plane_bits(q[j], k) | (high[j] >> (k >> 1) & 0x01010101u) << 2, 4);
        }
        const uint sc = (u8(b + 96 + (k & 7)) >> (4 * (k >> 3)) & 15) | (u8(b + 104 + (k & 3)) >> (2 * (k >> 2)) & 3) << 4;
        s = f16(b + 108) * (float)((int)sc - 32);
    }
};

// The scale and the minimum of group g of 8: d and dmin times 6 bits each out of 12 bytes, which follow on them.
template <class T> DEVICE void scale_min(bytes b, uint g, float &s, float &m) {
    uint head[4];
    field16<T, 0>(b, head);
    // 12 bytes: four scales, four minima, four pairs of low nibbles of the others; high bits 7 and 6 of the first eight.
    const uint at = 8 * (g & 3);
    const uint low_scale = head[1] >> at;
    const uint low_min = head[2] >> at;
    const uint both = head[3] >> at;
    const uint scale = g < 4 ? low_scale & 63 : (both & 15) | (low_scale >> 6 & 3) << 4;
    const uint least = g < 4 ? low_min & 63 : (both >> 4 & 15) | (low_min >> 6 & 3) << 4;
    s = half_bits(head[0]) * (float)scale;
    m = half_bits(head[0] >> 16) * (float)least;
}

struct Q4_K : BlocksWithMinimum {
    static constexpr uint BLOCK = 256, BYTES = 144, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &m) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint g = k >> 1;
        field16<Q4_K, 16>(b + 16 + (g >> 1) * 32 + (k & 1) * 16, q);
        nibbles(q, g & 1);
        scale_min<Q4_K>(b, g, s, m);
    }
};

struct Q5_K : BlocksWithMinimum {
    static constexpr uint BLOCK = 256, BYTES = 176, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &m) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint g = k >> 1;
        uint high[4];
        field16<Q5_K, 16>(b + 16 + (k & 1) * 16, high);
        field16<Q5_K, 48>(b + 48 + (g >> 1) * 32 + (k & 1) * 16, q);
        nibbles(q, g & 1);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] |= (high[j] >> g & 0x01010101u) << 4;
        }
        scale_min<Q5_K>(b, g, s, m);
    }
};

struct Q6_K : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 210, GROUP = 16;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint j2 = k >> 1 & 3;
        uint high[4];
        field16<Q6_K, 0>(b + (k >> 3) * 64 + (j2 & 1) * 32 + (k & 1) * 16, q);
        field16<Q6_K, 128>(b + 128 + plane_at(k), high);
        nibbles(q, j2 >> 1);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = minus(q[j] | plane_bits(high[j], k) << 4, 32);
        }
        s = f16(b + 208) * (float)(int8_t)u8(b + 192 + k);
    }
};

struct Q8_K : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 292, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        field16<Q8_K, 4>(b + 4 + 16 * (i & 15), q);
        s = __uint_as_float(field4<Q8_K, 0>(b));
    }
};
