// Points of 8 or 4 magnitudes, with signs.
#pragma once
#include "quant/codes.cuh"

// Four bits as masks of bytes: each is moved to the front of its byte, whose front bit fills it. Up to seven bits do no harm, the others being left out.
DEVICE uint masks(uint bits) {
    return __byte_perm(bits * 0x10204080u, 0, 0xba98);
}

// The magnitudes whose bytes of the mask are set become negative. None is 0.
DEVICE uint signed4(uint magnitudes, uint mask) {
    return (magnitudes ^ mask) + (mask & 0x01010101u);
}

// Words j and j + 1 of the codes: a point of 8 magnitudes.
DEVICE void put8(uint (&q)[4], uint j, ulong64 point) {
    q[j] = (uint)point;
    q[j + 1] = (uint)(point >> 32);
}

// Signs of 16 magnitudes, a bit for each.
DEVICE void sign16(uint (&q)[4], uint signs) {
#pragma unroll
    for (uint j = 0; j < 4; j++) {
        q[j] = signed4(q[j], masks(signs >> (4 * j) & 15));
    }
}

// Signs of 16 magnitudes, as two indices of 7 bits; the eighth sign makes the number of negative ones even.
DEVICE void sign16_even(uint (&q)[4], uint first, uint second) {
#pragma unroll
    for (uint j = 0; j < 4; j += 2) {
        const uint index = (j == 0 ? first : second) & 127;
        q[j] = signed4(q[j], masks(index));
        q[j + 1] = signed4(q[j + 1], masks((index >> 4) + ((uint)__popc(index) << 3)));
    }
}

// What four bits of a scale stand for.
DEVICE float four_bits(uint s) {
    return 0.5f + (float)s;
}
