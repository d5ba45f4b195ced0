// How a cache row is kept: F32, F16 or Q8_0 (blocks of 32: f16 scale, 32 x i8). Column c of a row, or as many from c on as a load
// of its width has; then c is a multiple of the width and the row at a multiple of that many columns' bytes.
#pragma once
#include "common.cuh"

struct CacheF32 {
    static constexpr bool HALVES = false;
    // That are written at once.
    static constexpr uint COLUMNS = 1;

    DEVICE float load1(bytes row, uint c) {
        return ((const float *)row)[c];
    }

    DEVICE void load4(bytes row, uint c, float (&v)[4]) {
        const float4 x = *(const float4 *)(row + 4 * c);
        v[0] = x.x;
        v[1] = x.y;
        v[2] = x.z;
        v[3] = x.w;
    }
};

struct CacheF16 {
    static constexpr bool HALVES = true;
    static constexpr uint COLUMNS = 1;

    DEVICE float load1(bytes row, uint c) {
        return half_bits(((const ushort *)row)[c]);
    }

    DEVICE void load4(bytes row, uint c, float (&v)[4]) {
        const uint2 x = *(const uint2 *)(row + 2 * c);
        v[0] = half_bits(x.x & 0xffff);
        v[1] = half_bits(x.x >> 16);
        v[2] = half_bits(x.y & 0xffff);
        v[3] = half_bits(x.y >> 16);
    }
};

struct CacheQ8_0 {
    static constexpr bool HALVES = false;
    static constexpr uint COLUMNS = 32;

    DEVICE float load1(bytes row, uint c) {
        bytes block = row + c / 32 * 34;
        return half_bits(*(const ushort *)block) * (float)(int8_t)block[2 + c % 32];
    }

    DEVICE void load4(bytes row, uint c, float (&v)[4]) {
        const ushort *block = (const ushort *)(row + c / 32 * 34);
        const float d = half_bits(block[0]);
        const uint q = block[1 + c % 32 / 2] | (uint)block[2 + c % 32 / 2] << 16;
#pragma unroll
        for (uint k = 0; k < 4; k++) {
            v[k] = d * (float)(int8_t)(q >> (8 * k));
        }
    }
};
