// As walk.glsl, over activations in int8: x is the first block of 32 of a row or of its head, see quantise.comp.
int dot16(uvec4 q, uvec4 c) {
    return dotPacked4x8EXT(int(q.x), int(c.x)) + dotPacked4x8EXT(int(q.y), int(c.y)) + dotPacked4x8EXT(int(q.z), int(c.z))
            + dotPacked4x8EXT(int(q.w), int(c.w));
}

// A block of activations: codes, scale, scale times the sum of codes.
struct block32 {
    uvec4 low;
    uvec4 high;
    float scale;
    float sum;
};

block32 load32(uint codes, uint scales) {
    return block32(uvec4(load_word(codes), load_word(codes + 1), load_word(codes + 2), load_word(codes + 3)),
            uvec4(load_word(codes + 4), load_word(codes + 5), load_word(codes + 6), load_word(codes + 7)), load(scales),
            load(scales + 1));
}

float dot32(codes32 w, block32 x) {
    return x.scale * (w.scale.x * float(dot16(w.low, x.low)) + w.scale.y * float(dot16(w.high, x.high))) - w.shift * x.sum;
}

void walk(uint64_t matrix, uint64_t second, uint r0, uint last, uint x[NB], float factor) {
    const uint blocks = gl_WorkGroupID.y * from.w / 32;
    for (uint n = gl_LocalInvocationID.x; n < columns / 32; n += MATVEC_GROUP) {
        block32 xs[NB];
        [[unroll]] for (uint t = 0; t < NB; t++) {
            xs[t] = load32(x[t] + 8 * (blocks + n), x[t] + from.z / 4 + 2 * (blocks + n));
        }
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            const uint64_t at = uint64_t(min(r0 + r, last - 1)) * row_bytes;
            const codes32 w = read32(matrix + at, n);
            [[unroll]] for (uint t = 0; t < NB; t++) {
                sums[r * NB + t] += factor * dot32(w, xs[t]);
            }
#ifdef GATED
            sums[ROWS + r] += dot32(read32(second + at, n), xs[0]);
#endif
        }
    }
}
