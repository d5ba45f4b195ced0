// Rotations of pairs of columns. Frequencies are turns per position, as fractions of 2^64: a position times a frequency overflows by
// whole turns, so the angle is exact at any position.
#pragma once
#include "common.cuh"

// Cosine and sine of a pair's angle, times the magnitude.
DEVICE float2 turned(ulong64 frequency, int position, float magnitude) {
    const float angle = (float)(long long)((ulong64)(uint)position * frequency) * 0x1p-63f;
    return make_float2(cospif(angle) * magnitude, sinpif(angle) * magnitude);
}

// Turns pair i of a group.
// how: x pairs in a group, y columns from the first of a pair to the second, z columns from pair to pair, w pairs in all.
DEVICE void turn(float *arena, uint to, uint from, uint4 how, uint i, float2 angle) {
    const float x = arena[from + i * how.z];
    const float y = arena[from + i * how.z + how.y];
    arena[to + i * how.z] = x * angle.x - y * angle.y;
    arena[to + i * how.z + how.y] = x * angle.y + y * angle.x;
}
