// Activations in int8. For every 32 columns the scale is d = max|x| / 127 and the codes are x / d, rounded to nearest; a NaN makes d NaN. A
// row is its codes, a byte each, then for each block of 32 columns d and d times the sum of its codes.
//
//   place    first cell, cells from row to row, columns of a row, rows that are made
void put32(uvec4 place, uint row, uint block, float x[32]) {
    float most = 0;
    bool ordered = true;
    [[unroll]] for (uint i = 0; i < 32; i++) {
        most = max(most, abs(x[i]));
        ordered = ordered && !isnan(x[i]);
    }
    const float scale = ordered ? most / 127 : uintBitsToFloat(0x7FC00000u);
    const float inverse = most > 0 ? 127 / most : 0;
    const uint codes = place.x + row * place.y + 8 * block;
    int sum = 0;
    [[unroll]] for (uint w = 0; w < 8; w++) {
        uint word = 0;
        [[unroll]] for (uint i = 0; i < 4; i++) {
            const int q = int(clamp(roundEven(x[4 * w + i] * inverse), -127.0, 127.0));
            sum += q;
            word |= uint(q & 255) << 8 * i;
        }
        store_word(codes + w, word);
    }
    const uint scales = place.x + row * place.y + place.z / 4 + 2 * block;
    store(scales, scale);
    store(scales + 1, scale * float(sum));
}
