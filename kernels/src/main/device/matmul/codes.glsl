#extension GL_EXT_integer_dot_product : require

// A block of 32 columns of a tile in shared memory: packed codes of weights and activations, word by word, with their scales.
shared uint a[8 * BM];
shared vec3 a_scale[BM]; // of the halves, shift
shared uint b[8 * (BN + 1)];
shared vec2 b_scale[BN]; // scale, scale times sum

// Block n of all rows, between two barriers.
void read_block(uint64_t row, uint n) {
    const uint item = gl_LocalInvocationID.x;
    const uint block = gl_WorkGroupID.y * from.w / 32 + n;
    barrier();
    const codes32 w = read32(row, n);
    [[unroll]] for (uint k = 0; k < 4; k++) {
        a[k * BM + item] = w.low[k];
        a[(4 + k) * BM + item] = w.high[k];
    }
    a_scale[item] = vec3(w.scale, w.shift);
    for (uint e = item; e < 8 * BN; e += SIZE) {
        const uint j = e / 8;
        const uint k = e % 8;
        b[k * (BN + 1) + j] = j < count ? load_word(source(j) + 8 * block + k) : 0;
    }
    for (uint j = item; j < BN; j += SIZE) {
        vec2 scale = vec2(0);
        if (j < count) {
            const uint at = source(j) + from.z / 4 + 2 * block;
            scale = vec2(load(at), load(at + 1));
        }
        b_scale[j] = scale;
    }
    barrier();
}
