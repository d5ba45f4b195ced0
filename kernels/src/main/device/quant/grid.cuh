// Points of 8 or 4 magnitudes, with signs.
#pragma once
#include "quant/codes.cuh"

// Four bits as masks of bytes: each is moved to the front of its byte, whose front bit fills it. Up to seven bits do no harm, the others being left out.
DEVICE uint masks(uint bits) {
    return __byte_perm(bits * 0x10204080u, 0, 0xba98);
}

// Bytes of the mask are negative. No magnitude is 0.
DEVICE uint signed4(uint magnitudes, uint mask) {
    return (magnitudes ^ mask) + (mask & 0x01010101u);
}

// Words j and j + 1 of the codes: a point of 8 magnitudes, with a bit for each sign.
DEVICE void signed8(uint (&q)[4], uint j, ulong64 point, uint signs) {
    q[j] = signed4((uint)point, masks(signs & 15));
    q[j + 1] = signed4((uint)(point >> 32), masks(signs >> 4 & 15));
}

// The masks for a 7-bit index of signs; the eighth makes their number even.
DEVICE void even_masks(uint index, uint &low, uint &high) {
    index &= 127;
    low = masks(index);
    high = masks((index >> 4) + ((uint)__popc(index) << 3));
}

DEVICE void even_signed8(uint (&q)[4], uint j, ulong64 point, uint index) {
    uint low, high;
    even_masks(index, low, high);
    q[j] = signed4((uint)point, low);
    q[j + 1] = signed4((uint)(point >> 32), high);
}
