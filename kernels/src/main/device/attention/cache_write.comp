// Appends this step's rows to a cache. The row is up to four views side by side; `widths` are their columns. Global ids: column
// (of a Q8_0 cache: block of 32), token.
PARAMETERS(uvec4 a; uvec4 b; uvec4 c; uvec4 d; uvec4 widths; uint columns; uint row_bytes; WHERE);

#define CACHE_ACCESS writeonly
#include "attention/cache.glsl"

float joined(uint t, uint i) {
    if (i < widths.x) {
        return load(cell(a, t, i));
    }
    i -= widths.x;
    if (i < widths.y) {
        return load(cell(b, t, i));
    }
    i -= widths.y;
    return i < widths.z ? load(cell(c, t, i)) : load(cell(d, t, i - widths.z));
}

// Rounded to even; the language leaves the rounding of its own conversion to the driver.
uint float_to_half(float x) {
    const uint bits = floatBitsToUint(x);
    const uint sign = bits >> 16 & 0x8000u;
    const uint magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) {
        return sign | 0x7E00u;
    }
    if (magnitude >= 0x477FF000u) {
        return sign | 0x7C00u;
    }
    if (magnitude < 0x38800000u) {
        // Below 2^-14 a half is a multiple of 2^-24; roundEven is exact.
        return sign | uint(roundEven(uintBitsToFloat(magnitude) * 16777216.0));
    }
    return sign | (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
}

// Rounded to the nearest; the language's own may be off by some units in the last place, and values then go to another step.
float quotient(float x, float y) {
    precise const float q = x / y;
    precise const float rest = fma(-q, y, x);
    return isinf(q) || isnan(q) ? q : q + rest / y;
}

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint t = gl_GlobalInvocationID.y;
    const uint n = CACHE_Q8_0 ? columns / 32 : columns;
    if (i >= n || t >= step_block[0]) {
        return;
    }
    const uint sequence = step_block[where[0].z + t];
    const uint position = step_block[where[0].y + t];
    const uint row = cache_row(sequence, position) * row_bytes;
    if (CACHE_F32) {
        cache_floats[row / 4 + i] = joined(t, i);
    } else if (CACHE_F16) {
        cache_shorts[row / 2 + i] = uint16_t(float_to_half(joined(t, i)));
    } else {
        const uint block = row + i * 34;
        float largest = 0;
        for (uint j = 0; j < 32; j++) {
            const float x = abs(joined(t, 32 * i + j));
            largest = isnan(x) ? x : x > largest ? x : largest;
        }
        const float scale = quotient(largest, 127);
        const float inverse = scale == 0 ? 0 : quotient(1, scale);
        cache_shorts[block / 2] = uint16_t(float_to_half(scale));
        for (uint j = 0; j < 32; j++) {
            const float v = joined(t, 32 * i + j) * inverse;
            const int q = int(min(abs(v), 127.0) + 0.5);
            cache_bytes[block + 2 + j] = uint8_t(uint(v < 0 ? -q : q) & 255);
        }
    }
}
