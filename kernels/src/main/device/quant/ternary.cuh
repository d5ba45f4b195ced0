// Blocks of 256 weights that are -d, 0 or d. Byte offsets:
//
//   TQ1_0  0 q: 48 x u8 | 48 qh: 4 x u8 | 52 d    base-3 digits: five a byte in q, four a byte in qh
//   TQ2_0  0 q: 64 x u8 | 64 d                    two bits in planes: byte 32n + l has weight 128n + 32j + l in bits 2j, 2j + 1
//
// A byte of TQ1_0 is a fraction of 256: digit n is ((byte 3^n mod 256) 3) >> 8. Digit n of byte m stands for weight
// 32n + m (m < 32), 160 + 16n + (m - 32) (m < 48), 240 + 4n + (m - 48).
#pragma once
#include "quant/k.cuh"

// The digits of four bytes that a power of 3 moves to the front, less 1.
DEVICE uint digits(uint word, uint power) {
    const uint even = (((word & 0x00ff00ffu) * power & 0x00ff00ffu) * 3) >> 8 & 0x00030003u;
    const uint odd = (((word >> 8 & 0x00ff00ffu) * power & 0x00ff00ffu) * 3) & 0x03000300u;
    return minus(even | odd, 1);
}

struct TQ1_0 : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 54, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        if (k < 15) {
            field16<TQ1_0, 0>(b + (k < 10 ? (k & 1) * 16 : 32), q);
            // The powers of 3, a byte each.
            const uint power = (uint)(0x511b090301ull >> (8 * (k < 10 ? k >> 1 : k - 10))) & 255;
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                q[j] = digits(q[j], power);
            }
        } else {
            const uint last = field4<TQ1_0, 48>(b + 48);
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                q[j] = digits(last, j == 0 ? 1 : j == 1 ? 3 : j == 2 ? 9 : 27);
            }
        }
        s = f16(b + 52);
    }
};

struct TQ2_0 : Blocks {
    static constexpr uint BLOCK = 256, BYTES = 66, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        field16<TQ2_0, 0>(b + plane_at(k), q);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            q[j] = minus(plane_bits(q[j], k), 1);
        }
        s = f16(b + 64);
    }
};
