// One f16 scale d (and in some a minimum m) for 32 weights. Byte offsets:
//
//   Q4_0   0 d | 2 q: 16 x u8                   (q - 8) d
//   Q4_1   0 d | 2 m | 4 q: 16 x u8             q d + m
//   Q5_0   0 d | 2 h u32 | 6 q: 16 x u8         (q - 16) d
//   Q5_1   0 d | 2 m | 4 h u32 | 8 q: 16 x u8   q d + m
//   Q8_0   0 d | 2 q: 32 x i8                   q d
//
// Low nibbles are weights 0 to 15 of a block, high nibbles 16 to 31; bit i of h is the fifth bit of weight i.

uvec4 nibbles(uvec4 q, uint high) {
    return q >> 4 * high & 0x0F0F0F0Fu;
}

weights16 Q4_0_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 1) * 18;
    const float d = f16(b);
    return scaled(nibbles(words2(b + 2), i & 1), d, -8 * d);
}

weights16 Q4_1_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 1) * 20;
    return scaled(nibbles(words4(b + 4), i & 1), f16(b), f16(b + 2));
}

weights16 Q5_0_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 1) * 22;
    const float d = f16(b);
    return scaled(nibbles(words2(b + 6), i & 1) | spread16(u16(b + 2 + 2 * (i & 1))) << 4, d, -16 * d);
}

weights16 Q5_1_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 1) * 24;
    return scaled(nibbles(words4(b + 8), i & 1) | spread16(u16(b + 4 + 2 * (i & 1))) << 4, f16(b), f16(b + 2));
}

weights16 Q8_0_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 1) * 34;
    return scaled_signed(words2(b + 2 + 16 * (i & 1)), f16(b));
}

codes32 Q4_0_codes32(uint64_t row, uint n) {
    const uint64_t b = row + n * 18;
    const uvec4 q = words2(b + 2);
    const float d = f16(b);
    return codes32(nibbles(q, 0), nibbles(q, 1), vec2(d), 8 * d);
}

codes32 Q4_1_codes32(uint64_t row, uint n) {
    const uint64_t b = row + n * 20;
    const uvec4 q = words4(b + 4);
    return codes32(nibbles(q, 0), nibbles(q, 1), vec2(f16(b)), -f16(b + 2));
}

codes32 Q5_0_codes32(uint64_t row, uint n) {
    const uint64_t b = row + n * 22;
    const uvec4 q = words2(b + 6);
    const float d = f16(b);
    return codes32(nibbles(q, 0) | spread16(u16(b + 2)) << 4, nibbles(q, 1) | spread16(u16(b + 4)) << 4, vec2(d), 16 * d);
}

codes32 Q5_1_codes32(uint64_t row, uint n) {
    const uint64_t b = row + n * 24;
    const uvec4 q = words4(b + 8);
    return codes32(nibbles(q, 0) | spread16(u16(b + 4)) << 4, nibbles(q, 1) | spread16(u16(b + 6)) << 4, vec2(f16(b)),
            -f16(b + 2));
}

codes32 Q8_0_codes32(uint64_t row, uint n) {
    const uint64_t b = row + n * 34;
    return codes32(words2(b + 2), words2(b + 18), vec2(f16(b)), 0);
}
