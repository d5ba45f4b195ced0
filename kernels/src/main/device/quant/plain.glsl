// Formats without blocks. Their rows need not be a multiple of 16, so each has decode1 too: one weight.

weights16 F32_decode16(uint64_t row, uint i) {
    Floats f = Floats(row + 64 * i);
    return weights16(vec4(f.at[0], f.at[1], f.at[2], f.at[3]), vec4(f.at[4], f.at[5], f.at[6], f.at[7]),
            vec4(f.at[8], f.at[9], f.at[10], f.at[11]), vec4(f.at[12], f.at[13], f.at[14], f.at[15]));
}

float F32_decode1(uint64_t row, uint i) {
    return Floats(row + 4 * i).at[0];
}

vec4 halves(uint low, uint high) {
    return vec4(unpackHalf2x16(low), unpackHalf2x16(high));
}

weights16 F16_decode16(uint64_t row, uint i) {
    uvec4 low = words2(row + 32 * i);
    uvec4 high = words2(row + 32 * i + 16);
    return weights16(halves(low.x, low.y), halves(low.z, low.w), halves(high.x, high.y), halves(high.z, high.w));
}

float F16_decode1(uint64_t row, uint i) {
    return f16(row + 2 * i);
}

// Two words of two bfloat16 each.
vec4 brain(uint low, uint high) {
    return uintBitsToFloat(uvec4(low << 16, low & 0xFFFF0000u, high << 16, high & 0xFFFF0000u));
}

weights16 BF16_decode16(uint64_t row, uint i) {
    uvec4 low = words2(row + 32 * i);
    uvec4 high = words2(row + 32 * i + 16);
    return weights16(brain(low.x, low.y), brain(low.z, low.w), brain(high.x, high.y), brain(high.z, high.w));
}

float BF16_decode1(uint64_t row, uint i) {
    return uintBitsToFloat(u16(row + 2 * i) << 16);
}

#define decode1 CAT(QUANT, _decode1)
