#define CACHE_ACCESS readonly
#include "attention/cache.glsl"

// Column c of a row that starts at a byte.
float cached1(uint row, uint c) {
    if (CACHE_F32) {
        return cache_floats[row / 4 + c];
    }
    if (CACHE_F16) {
        return half_to_float(uint(cache_shorts[row / 2 + c]));
    }
    const uint block = row + c / 32 * 34;
    return half_to_float(uint(cache_shorts[block / 2])) * float(int(uint(cache_bytes[block + 2 + c % 32]) << 24) >> 24);
}

// Four columns from c, a multiple of 4.
vec4 cached4(uint row, uint c) {
    if (CACHE_F32) {
        const uint at = row / 4 + c;
        return vec4(cache_floats[at], cache_floats[at + 1], cache_floats[at + 2], cache_floats[at + 3]);
    }
    if (CACHE_F16) {
        const uint at = row / 2 + c;
        return vec4(unpackHalf2x16(uint(cache_shorts[at]) | uint(cache_shorts[at + 1]) << 16),
                unpackHalf2x16(uint(cache_shorts[at + 2]) | uint(cache_shorts[at + 3]) << 16));
    }
    const uint block = row + c / 32 * 34;
    const uint at = (block + 2 + c % 32) / 2;
    const uint word = uint(cache_shorts[at]) | uint(cache_shorts[at + 1]) << 16;
    return half_to_float(uint(cache_shorts[block / 2])) * vec4(ivec4(uvec4(word) << uvec4(24, 16, 8, 0)) >> 24);
}
