// What the block formats have in common: 16 consecutive weights are 16 signed bytes, four words of them, with one scale s and
// in some formats one minimum m. A weight is s code - m.
//
// A format is a struct of its name with
//
//   BLOCK, BYTES, GROUP              weights of a block, its bytes, weights with the same scale and minimum (16, or 32 and more)
//   MIN                              whether there is a minimum
//   codes(row, i, q, s, m)           weights 16 i ... 16 i + 15 of a row; m is left alone without MIN
//
// or, for formats without blocks (PLAIN), decode16(row, i, w) and decode1(row, c).
//
// Everything that reads weights is made of this one function: floats (decode16), products with int8 activations, tiles for
// tensor cores. Blocks are read by words: which multiple of bytes an address is follows from the size of a block.
//
// Formats that keep several weights in each byte read that byte once for all of them where a lane takes 64 weights (SLAB):
//
//   slab(row, u, q, s, m)            64 weights, as four times 16; the codes are unsigned and ZERO too large
//   slab_group(u, j)                 which 16 of the row the j-th of them are; of GROUP 32 they are 4 u + j
#pragma once
#include "common.cuh"

struct Blocks {
    static constexpr bool PLAIN = false, MIN = false, SLAB = false;
};

struct BlocksWithMinimum {
    static constexpr bool PLAIN = false, MIN = true, SLAB = false;
};

struct SlabBlocks {
    static constexpr bool PLAIN = false, MIN = false, SLAB = true;
};

struct SlabBlocksWithMinimum {
    static constexpr bool PLAIN = false, MIN = true, SLAB = true;
    static constexpr int ZERO = 0;
};

// What addresses are a multiple of: a field at an offset of a block, itself in steps of 16 bytes at most.
constexpr __device__ uint alignment(uint block_bytes, uint offset) {
    return (block_bytes | offset | 16) & (0 - (block_bytes | offset | 16));
}

// 16 bytes of a field of a block.
template <class T, uint OFFSET> DEVICE void field16(bytes p, uint (&q)[4]) {
    load_words<alignment(T::BYTES, OFFSET)>(p, q);
}

// One word of a field of a block; the field is in steps of a word.
template <class T, uint OFFSET> DEVICE uint field4(bytes p) {
    uint w[1];
    load_words<alignment(T::BYTES, OFFSET | 4)>(p, w);
    return w[0];
}

// The low or the high nibbles of 16 bytes.
DEVICE void nibbles(uint (&q)[4], uint high) {
#pragma unroll
    for (uint j = 0; j < 4; j++) {
        q[j] = q[j] >> (4 * high) & 0x0f0f0f0fu;
    }
}

// Each of four bytes of 0 ... 127 less n.
DEVICE uint minus(uint codes, uint n) {
    return ((codes | 0x80808080u) - n * 0x01010101u) ^ 0x80808080u;
}

// The low four bits as a byte each, 0 or 1.
DEVICE uint spread(uint bits) {
    return (bits & 15) * 0x00204081u & 0x01010101u;
}

// Byte k of a word whose codes were moved up by 128, as a float: 2^23 + code + 128 is put together from bytes.
DEVICE float code(uint moved, uint k) {
    return __uint_as_float(__byte_perm(moved, 0x4b000000u, 0x7440u | k)) - 8388736.0f;
}

// 16 weights as floats.
template <class T> DEVICE void decode16(bytes row, uint i, float (&w)[16]) {
    if constexpr (T::PLAIN) {
        T::decode16(row, i, w);
    } else {
        uint q[4];
        float s;
        float m = 0;
        T::codes(row, i, q, s, m);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            const uint moved = q[j] ^ 0x80808080u;
#pragma unroll
            for (uint k = 0; k < 4; k++) {
                w[4 * j + k] = T::MIN ? s * code(moved, k) - m : s * code(moved, k);
            }
        }
    }
}

// The sum of 16 codes.
DEVICE int sum_of(const uint (&x)[4]) {
    int sum = 0;
#pragma unroll
    for (uint j = 0; j < 4; j++) {
        sum = __dp4a(0x01010101, (int)x[j], sum);
    }
    return sum;
}

DEVICE int dot16(const uint (&q)[4], const uint (&x)[4], int sum) {
#pragma unroll
    for (uint j = 0; j < 4; j++) {
        sum = __dp4a((int)q[j], (int)x[j], sum);
    }
    return sum;
}

// 32 decoded weights times 32 activations in int8: x are their codes, scale their d and d times the sum of the codes.
template <class T>
DEVICE float dot32(const uint (&q)[2][4], const float (&s)[2], const float (&m)[2], const uint (&x)[2][4], float2 scale) {
    if constexpr (T::GROUP >= 32) {
        const float sum = s[0] * (float)dot16(q[1], x[1], dot16(q[0], x[0], 0)) * scale.x;
        return T::MIN ? sum - m[0] * scale.y : sum;
    } else {
        static_assert(!T::MIN, "a slab's business");
        return (s[0] * (float)dot16(q[0], x[0], 0) + s[1] * (float)dot16(q[1], x[1], 0)) * scale.x;
    }
}

// 16 weights, zeros beyond the end of the row.
template <class T> DEVICE void decode16_or_zero(bytes row, uint i, uint columns, float (&w)[16]) {
    if (16 * i + 16 <= columns) {
        decode16<T>(row, i, w);
        return;
    }
#pragma unroll
    for (uint k = 0; k < 16; k++) {
        w[k] = 0;
        if constexpr (T::PLAIN) {
            if (16 * i + k < columns) {
                w[k] = T::decode1(row, 16 * i + k);
            }
        }
    }
}
