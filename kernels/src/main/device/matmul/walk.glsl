// Adds to `sums` what this work-item has of the products of rows r0 ... r0 + ROWS - 1 < last with the activations at x, times a
// factor. Rows beyond the last repeat it.
void walk(uint64_t matrix, uint64_t second, uint r0, uint last, uint x[NB], float factor) {
    for (uint i = gl_LocalInvocationID.x; i < columns / 16; i += MATVEC_GROUP) {
        weights16 xs[NB];
        [[unroll]] for (uint t = 0; t < NB; t++) {
            xs[t] = load16(x[t] + 16 * i);
        }
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            const uint64_t at = uint64_t(min(r0 + r, last - 1)) * row_bytes;
            const weights16 w = decode16(matrix + at, i);
            [[unroll]] for (uint t = 0; t < NB; t++) {
                sums[r * NB + t] += factor * dot16(w, xs[t]);
            }
#ifdef GATED
            sums[ROWS + r] += dot16(decode16(second + at, i), xs[0]);
#endif
        }
    }
#ifdef decode1
    for (uint c = columns / 16 * 16 + gl_LocalInvocationID.x; c < columns; c += MATVEC_GROUP) {
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            const uint64_t at = uint64_t(min(r0 + r, last - 1)) * row_bytes;
            const float w = factor * decode1(matrix + at, c);
            [[unroll]] for (uint t = 0; t < NB; t++) {
                sums[r * NB + t] += w * load(x[t] + c);
            }
#ifdef GATED
            sums[ROWS + r] += decode1(second + at, c) * load(x[0] + c);
#endif
        }
    }
#endif
}
