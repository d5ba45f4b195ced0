// Points of 8 or 4 magnitudes, with signs.
#pragma once
#include "quant/codes.cuh"

// Bit j of the signs makes byte j negative. No magnitude is 0.
DEVICE uint signed4(uint magnitudes, uint signs) {
    const uint ones = spread(signs);
    return (magnitudes ^ ones * 0xff) + ones;
}

// The signs of 8 values for a 7-bit index: the index, with the bit that makes the number of set bits even.
DEVICE uint even_signs(uint index) {
    index &= 127;
    return index | (__popc(index) & 1) << 7;
}

// Words j and j + 1 of the codes: a point of 8 magnitudes.
DEVICE void signed8(uint (&q)[4], uint j, ulong64 point, uint signs) {
    q[j] = signed4((uint)point, signs);
    q[j + 1] = signed4((uint)(point >> 32), signs >> 4);
}
