// Four-bit I-quant without a codebook of points: each nibble picks one of 16 uneven levels. Byte offsets:
//
//   IQ4_NL  0 d | 2 q: 16 x u8    d level
#include "codebook/KVALUES_IQ4NL"

// A level of the table, which lies in four words: to look one up takes no memory.
float level(uint q) {
    const uint word = q < 8 ? q < 4 ? KVALUES_IQ4NL[0] : KVALUES_IQ4NL[1] : q < 12 ? KVALUES_IQ4NL[2] : KVALUES_IQ4NL[3];
    return float(int(word << 24 - 8 * (q & 3)) >> 24);
}

vec4 levels4(uint q) {
    return vec4(level(q & 15), level(q >> 8 & 15), level(q >> 16 & 15), level(q >> 24 & 15));
}

weights16 IQ4_NL_decode16(uint64_t row, uint i) {
    const uint64_t b = row + (i >> 1) * 18;
    const float d = f16(b);
    const uvec4 q = words2(b + 2) >> 4 * (i & 1);
    return weights16(d * levels4(q.x), d * levels4(q.y), d * levels4(q.z), d * levels4(q.w));
}

// Four levels, packed.
uint packed4(uint q) {
    const ivec4 v = ivec4(levels4(q));
    return v.x & 255 | (v.y & 255) << 8 | (v.z & 255) << 16 | v.w << 24;
}

codes32 IQ4_NL_codes32(uint64_t row, uint n) {
    const uint64_t b = row + n * 18;
    const uvec4 low = words2(b + 2);
    const uvec4 high = low >> 4;
    return codes32(uvec4(packed4(low.x), packed4(low.y), packed4(low.z), packed4(low.w)),
            uvec4(packed4(high.x), packed4(high.y), packed4(high.z), packed4(high.w)), vec2(f16(b)), 0);
}
