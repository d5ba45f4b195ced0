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

// Where a slab of a format with planes is: half of the bytes (n) of a block, and of those half of the columns. Its four times 16
// weights are in the same 16 bytes.
struct PlaneSlab {
    uint block, n, half;

    DEVICE_MEMBER explicit PlaneSlab(uint u) : block(u >> 2), n(u >> 1 & 1), half(u & 1) {}

    DEVICE_MEMBER uint group(uint j) const {
        return 16 * block + 8 * n + 2 * j + half;
    }

    DEVICE_MEMBER uint at() const {
        return 32 * n + 16 * half;
    }

    // The bytes of the four groups among eight, two of them in the low halves of each word.
    DEVICE_MEMBER void bytes_of(const uint (&eight)[2], uint (&two)[2]) const {
        two[0] = eight[0] >> (8 * half) & 0x00ff00ffu;
        two[1] = eight[1] >> (8 * half) & 0x00ff00ffu;
    }
};

// A word moved up by UP bits and down by others, in one shift; bits that leave a byte are masked by the caller.
template <uint UP> DEVICE uint moved(uint word, uint down) {
    return down <= UP ? word << (UP - down) : word >> (down - UP);
}

struct Q2_K : SlabBlocksWithMinimum {
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

    DEVICE uint slab_group(uint u, uint j) {
        return PlaneSlab(u).group(j);
    }

    DEVICE void slab(bytes row, uint u, uint (&q)[4][4], float (&s)[4], float (&m)[4]) {
        const PlaneSlab at(u);
        bytes b = row + at.block * BYTES;
        uint two[4], eight[2], sc[2];
        field16<Q2_K, 16>(b + 16 + at.at(), two);
        load_words<4>(b + 8 * at.n, eight);
        at.bytes_of(eight, sc);
        const uint d = field4<Q2_K, 80>(b + 80);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            const uint scales = sc[j / 2] >> (16 * (j % 2));
            s[j] = half_bits(d) * (float)(scales & 15);
            m[j] = half_bits(d >> 16) * (float)(scales >> 4 & 15);
#pragma unroll
            for (uint k = 0; k < 4; k++) {
                q[j][k] = two[k] >> (2 * j) & 0x03030303u;
            }
        }
    }
};

struct Q3_K : SlabBlocks {
    static constexpr int ZERO = 4;
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

    DEVICE uint slab_group(uint u, uint j) {
        return PlaneSlab(u).group(j);
    }

    DEVICE void slab(bytes row, uint u, uint (&q)[4][4], float (&s)[4], float (&)[4]) {
        const PlaneSlab at(u);
        bytes b = row + at.block * BYTES;
        uint high[4], two[4], eight[2], sc[2];
        field16<Q3_K, 0>(b + 16 * at.half, high);
        field16<Q3_K, 32>(b + 32 + at.at(), two);
        uint scales[3];
        load_words<2>(b + 96, scales);
        eight[0] = scales[0];
        eight[1] = scales[1];
        at.bytes_of(eight, sc);
        const float d = f16(b + 108);
        const uint top = scales[2] >> (8 * at.half + 4 * at.n);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            const uint low = sc[j / 2] >> (16 * (j % 2) + 4 * at.n) & 15;
            s[j] = d * (float)((int)(low | (top >> (16 * (j % 2) + 2 * (j / 2)) & 3) << 4) - 32);
#pragma unroll
            for (uint k = 0; k < 4; k++) {
                q[j][k] = (two[k] >> (2 * j) & 0x03030303u) | (moved<2>(high[k] >> (4 * at.n), j) & 0x04040404u);
            }
        }
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

// A slab of 64 weights has groups 2p and 2p + 1 of a block: scales and minima of both.
template <class T> DEVICE void scale_mins(bytes b, uint p, float (&s)[4], float (&m)[4]) {
    uint head[4];
    field16<T, 0>(b, head);
    const uint at = 16 * (p & 1);
    const uint scale = head[1] >> at;
    const uint least = head[2] >> at;
    const uint both = head[3] >> at;
    const uint scales = p < 2 ? scale & 0x3f3f : (both & 0x0f0f) | (scale >> 2 & 0x3030);
    const uint mins = p < 2 ? least & 0x3f3f : (both >> 4 & 0x0f0f) | (least >> 2 & 0x3030);
    s[0] = half_bits(head[0]) * (float)(scales & 255);
    s[2] = half_bits(head[0]) * (float)(scales >> 8);
    m[0] = half_bits(head[0] >> 16) * (float)(mins & 255);
    m[2] = half_bits(head[0] >> 16) * (float)(mins >> 8);
}

struct Q4_K : SlabBlocksWithMinimum {
    static constexpr uint BLOCK = 256, BYTES = 144, GROUP = 32;

    DEVICE void codes(bytes row, uint i, uint (&q)[4], float &s, float &m) {
        bytes b = row + (i >> 4) * BYTES;
        const uint k = i & 15;
        const uint g = k >> 1;
        field16<Q4_K, 16>(b + 16 + (g >> 1) * 32 + (k & 1) * 16, q);
        nibbles(q, g & 1);
        scale_min<Q4_K>(b, g, s, m);
    }

    DEVICE void slab(bytes row, uint u, uint (&q)[4][4], float (&s)[4], float (&m)[4]) {
        bytes b = row + (u >> 2) * BYTES;
        const uint p = u & 3;
        field16<Q4_K, 16>(b + 16 + 32 * p, q[0]);
        field16<Q4_K, 16>(b + 32 + 32 * p, q[1]);
#pragma unroll
        for (uint k = 0; k < 4; k++) {
#pragma unroll
            for (uint h = 0; h < 2; h++) {
                q[2 + h][k] = q[h][k] >> 4 & 0x0f0f0f0fu;
                q[h][k] &= 0x0f0f0f0fu;
            }
        }
        scale_mins<Q4_K>(b, p, s, m);
    }
};

struct Q5_K : SlabBlocksWithMinimum {
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

    DEVICE void slab(bytes row, uint u, uint (&q)[4][4], float (&s)[4], float (&m)[4]) {
        bytes b = row + (u >> 2) * BYTES;
        const uint p = u & 3;
#pragma unroll
        for (uint h = 0; h < 2; h++) {
            uint high[4];
            field16<Q5_K, 16>(b + 16 + 16 * h, high);
            field16<Q5_K, 48>(b + 48 + 32 * p + 16 * h, q[h]);
#pragma unroll
            for (uint k = 0; k < 4; k++) {
                const uint fifth = high[k] >> (2 * p);
                q[2 + h][k] = (q[h][k] >> 4 & 0x0f0f0f0fu) | (fifth << 3 & 0x10101010u);
                q[h][k] = (q[h][k] & 0x0f0f0f0fu) | (fifth << 4 & 0x10101010u);
            }
        }
        scale_mins<Q5_K>(b, p, s, m);
    }
};

struct Q6_K : SlabBlocks {
    static constexpr int ZERO = 32;
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

    DEVICE uint slab_group(uint u, uint j) {
        return PlaneSlab(u).group(j);
    }

    DEVICE void slab(bytes row, uint u, uint (&q)[4][4], float (&s)[4], float (&)[4]) {
        const PlaneSlab at(u);
        bytes b = row + at.block * BYTES;
        uint low[2][4], high[4], eight[2], sc[2];
        field16<Q6_K, 0>(b + 64 * at.n + 16 * at.half, low[0]);
        field16<Q6_K, 0>(b + 64 * at.n + 32 + 16 * at.half, low[1]);
        field16<Q6_K, 128>(b + 128 + at.at(), high);
        load_words<2>(b + 192 + 8 * at.n, eight);
        at.bytes_of(eight, sc);
        const float d = f16(b + 208);
#pragma unroll
        for (uint j = 0; j < 4; j++) {
            s[j] = d * (float)(int8_t)(sc[j / 2] >> (16 * (j % 2)));
#pragma unroll
            for (uint k = 0; k < 4; k++) {
                q[j][k] = (low[j % 2][k] >> (4 * (j / 2)) & 0x0f0f0f0fu) | (moved<4>(high[k], 2 * j) & 0x30303030u);
            }
        }
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
