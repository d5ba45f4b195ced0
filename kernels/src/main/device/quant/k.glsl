// K-quants: 256 weights whose groups have quantised scales s (and minima m) of their own. Byte offsets:
//
//   Q2_K   0 sc: 16 x u8 | 16 q: 64 x u8 | 80 d | 82 dmin                      groups of 16
//   Q3_K   0 hmask: 32 x u8 | 32 q: 64 x u8 | 96 sc: 12 x u8 | 108 d           groups of 16
//   Q4_K   0 d | 2 dmin | 4 sc: 12 x u8 | 16 q: 128 x u8                       groups of 32
//   Q5_K   0 d | 2 dmin | 4 sc: 12 x u8 | 16 qh: 32 x u8 | 48 q: 128 x u8      groups of 32
//   Q6_K   0 ql: 128 x u8 | 128 qh: 64 x u8 | 192 sc: 16 x i8 | 208 d          groups of 16
//   Q8_K   0 d f32 | 4 q: 256 x i8 | 260 sums
//
// k is the number of the 16 weights in their block. Where a block is a multiple of 4 bytes, so are the addresses of its fields.

// Two bits in planes: byte 32n + l has, for j = 0 ... 3 from its low bits up, weight 128n + 32j + l.
uint plane(uint k) {
    return (k >> 3) * 32 + (k & 1) * 16;
}

uvec4 two_bits(uvec4 q, uint k) {
    return q >> 2 * (k >> 1 & 3) & 0x03030303u;
}

weights16 Q2_K_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 4) * 84;
    const uint k = i & 15;
    const uint sc = u8(b + k);
    return scaled(two_bits(words4(b + 16 + plane(k)), k), f16(b + 80) * float(sc & 15), -f16(b + 82) * float(sc >> 4));
}

weights16 Q3_K_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 4) * 110;
    const uint k = i & 15;
    const uint low = u8(b + 96 + (k & 7)) >> 4 * (k >> 3) & 15;
    const uint high = u8(b + 104 + (k & 3)) >> 2 * (k >> 2) & 3;
    const uvec4 h = words2(b + (k & 1) * 16) >> (k >> 1) & 0x01010101u;
    const float s = f16(b + 108) * (float(low | high << 4) - 32);
    return scaled(two_bits(words2(b + 32 + plane(k)), k) | h << 2, s, -4 * s);
}

// The 6-bit scale (x) and minimum (y) of group g of 8, from 12 bytes.
vec2 scale_min6(uint64_t sc, uint g) {
    const uint a = u8(sc + (g & 3));
    const uint b = u8(sc + (g & 3) + 4);
    const uint c = u8(sc + (g & 3) + 8);
    return g < 4 ? vec2(a & 63, b & 63) : vec2(c & 15 | a >> 6 << 4, c >> 4 | b >> 6 << 4);
}

weights16 Q4_K_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 4) * 144;
    const uint k = i & 15;
    const uint g = k >> 1;
    const vec2 sm = scale_min6(b + 4, g);
    const uvec4 q = words4(b + 16 + (g >> 1) * 32 + (k & 1) * 16) >> 4 * (g & 1) & 0x0F0F0F0Fu;
    return scaled(q, f16(b) * sm.x, -f16(b + 2) * sm.y);
}

weights16 Q5_K_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 4) * 176;
    const uint k = i & 15;
    const uint g = k >> 1;
    const vec2 sm = scale_min6(b + 4, g);
    const uvec4 low = words4(b + 48 + (g >> 1) * 32 + (k & 1) * 16) >> 4 * (g & 1) & 0x0F0F0F0Fu;
    const uvec4 high = words4(b + 16 + (k & 1) * 16) >> g & 0x01010101u;
    return scaled(low | high << 4, f16(b) * sm.x, -f16(b + 2) * sm.y);
}

weights16 Q6_K_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 4) * 210;
    const uint k = i & 15;
    const uint j = k >> 1 & 3;
    const uvec4 low = words2(b + (k >> 3) * 64 + (j & 1) * 32 + (k & 1) * 16) >> 4 * (j >> 1) & 0x0F0F0F0Fu;
    const uvec4 high = two_bits(words2(b + 128 + plane(k)), k);
    const float s = f16(b + 208) * float(int(u8(b + 192 + k) << 24) >> 24);
    return scaled(low | high << 4, s, -32 * s);
}

weights16 Q8_K_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 4) * 292;
    return scaled_signed(words4(b + 4 + 16 * (i & 15)), Floats(b).at[0]);
}

// Of Q2_K each half has a minimum of its own, so its weights are decoded.

codes32 Q3_K_codes32(uint64_t row, uint n) {
    const uint64_t b = row + (n >> 3) * 110;
    uvec4 q[2];
    float s[2];
    [[unroll]] for (uint h = 0; h < 2; h++) {
        const uint k = 2 * (n & 7) + h;
        const uint low = u8(b + 96 + (k & 7)) >> 4 * (k >> 3) & 15;
        const uint high = u8(b + 104 + (k & 3)) >> 2 * (k >> 2) & 3;
        const uvec4 bits = words2(b + (k & 1) * 16) >> (k >> 1) & 0x01010101u;
        q[h] = above(two_bits(words2(b + 32 + plane(k)), k) | bits << 2, 4);
        s[h] = float(low | high << 4) - 32;
    }
    return codes32(q[0], q[1], f16(b + 108) * vec2(s[0], s[1]), 0);
}

codes32 Q4_K_codes32(uint64_t row, uint n) {
    const uint64_t b = row + (n >> 3) * 144;
    const uint g = n & 7;
    const vec2 sm = scale_min6(b + 4, g);
    const uint64_t q = b + 16 + (g >> 1) * 32;
    return codes32(words4(q) >> 4 * (g & 1) & 0x0F0F0F0Fu, words4(q + 16) >> 4 * (g & 1) & 0x0F0F0F0Fu, vec2(f16(b) * sm.x),
            f16(b + 2) * sm.y);
}

codes32 Q5_K_codes32(uint64_t row, uint n) {
    const uint64_t b = row + (n >> 3) * 176;
    const uint g = n & 7;
    const vec2 sm = scale_min6(b + 4, g);
    const uint64_t q = b + 48 + (g >> 1) * 32;
    const uvec4 low = words4(q) >> 4 * (g & 1) & 0x0F0F0F0Fu | (words4(b + 16) >> g & 0x01010101u) << 4;
    const uvec4 high = words4(q + 16) >> 4 * (g & 1) & 0x0F0F0F0Fu | (words4(b + 32) >> g & 0x01010101u) << 4;
    return codes32(low, high, vec2(f16(b) * sm.x), f16(b + 2) * sm.y);
}

codes32 Q6_K_codes32(uint64_t row, uint n) {
    const uint64_t b = row + (n >> 3) * 210;
    uvec4 q[2];
    float s[2];
    [[unroll]] for (uint h = 0; h < 2; h++) {
        const uint k = 2 * (n & 7) + h;
        const uint j = k >> 1 & 3;
        const uvec4 low = words2(b + (k >> 3) * 64 + (j & 1) * 32 + h * 16) >> 4 * (j >> 1) & 0x0F0F0F0Fu;
        q[h] = above(low | two_bits(words2(b + 128 + plane(k)), k) << 4, 32);
        s[h] = float(int(u8(b + 192 + k) << 24) >> 24);
    }
    return codes32(q[0], q[1], f16(b + 208) * vec2(s[0], s[1]), 0);
}

codes32 Q8_K_codes32(uint64_t row, uint n) {
    const uint64_t b = row + (n >> 3) * 292;
    const uint64_t q = b + 4 + 32 * (n & 7);
    return codes32(words4(q), words4(q + 16), vec2(Floats(b).at[0]), 0);
}
