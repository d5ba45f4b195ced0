// How blocks are read: fields at byte addresses, and 16 weights as four words of packed bytes or as floats.

layout(buffer_reference, std430, buffer_reference_align = 1) readonly buffer Bytes { uint8_t at[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) readonly buffer Shorts { uint16_t at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer Words { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer Floats { float at[]; };

// 16 weights in order.
struct weights16 {
    vec4 a;
    vec4 b;
    vec4 c;
    vec4 d;
};

// 32 weights as signed codes, packed: q scale - shift, with a scale for each half. A type that has TYPE_codes32 can be multiplied by
// activations in int8.
struct codes32 {
    uvec4 low;
    uvec4 high;
    vec2 scale;
    float shift;
};

uint u8(uint64_t p) {
    return uint(Bytes(p).at[0]);
}

// At an even address.
uint u16(uint64_t p) {
    return uint(Shorts(p).at[0]);
}

float f16(uint64_t p) {
    return half_to_float(u16(p));
}

// 16 bytes at an even address.
uvec4 words2(uint64_t p) {
    Shorts s = Shorts(p);
    return uvec4(s.at[0], s.at[2], s.at[4], s.at[6]) | uvec4(s.at[1], s.at[3], s.at[5], s.at[7]) << 16;
}

// 16 bytes at an address that is a multiple of 4.
uvec4 words4(uint64_t p) {
    Words w = Words(p);
    return uvec4(w.at[0], w.at[1], w.at[2], w.at[3]);
}

// The bytes of a word.
vec4 unsigned4(uint word) {
    return vec4(uvec4(word) >> uvec4(0, 8, 16, 24) & 255u);
}

vec4 signed4(uint word) {
    return vec4(ivec4(uvec4(word) << uvec4(24, 16, 8, 0)) >> 24);
}

// Four bits of a number as bytes of 0 and 1.
uint spread4(uint bits) {
    return (bits | bits << 7 | bits << 14 | bits << 21) & 0x01010101u;
}

// Likewise 16 bits.
uvec4 spread16(uint bits) {
    return uvec4(spread4(bits & 15), spread4(bits >> 4 & 15), spread4(bits >> 8 & 15), spread4(bits >> 12 & 15));
}

// 16 packed bytes q as q scale + shift.
weights16 scaled(uvec4 q, float scale, float shift) {
    return weights16(unsigned4(q.x) * scale + shift, unsigned4(q.y) * scale + shift, unsigned4(q.z) * scale + shift,
            unsigned4(q.w) * scale + shift);
}

// Likewise signed bytes, without a shift.
weights16 scaled_signed(uvec4 q, float scale) {
    return weights16(signed4(q.x) * scale, signed4(q.y) * scale, signed4(q.z) * scale, signed4(q.w) * scale);
}

// What bytes are above a number, as signed bytes; both below 128.
uvec4 above(uvec4 q, uint number) {
    return (q | 0x80808080u) - number * 0x01010101u ^ 0x80808080u;
}
