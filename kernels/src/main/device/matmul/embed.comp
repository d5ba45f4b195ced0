// The table's row of each token. Global ids: 16 columns, token.
#include "quant/QUANT"
#define decode16 CAT(QUANT, _decode16)

PARAMETERS(uint64_t table; uint row_bytes; uint columns; uvec4 to; WHERE);

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint t = gl_GlobalInvocationID.y;
    if (16 * i >= columns || t >= step_block[0]) {
        return;
    }
    const uint64_t row = table + uint64_t(step_block[where[0].x + t]) * row_bytes;
    const uint target = to.x + t * to.y + 16 * i;
    if (16 * i + 16 <= columns) {
        const weights16 w = decode16(row, i);
        [[unroll]] for (uint j = 0; j < 4; j++) {
            store(target + j, w.a[j]);
            store(target + 4 + j, w.b[j]);
            store(target + 8 + j, w.c[j]);
            store(target + 12 + j, w.d[j]);
        }
    }
#ifdef decode1
    else {
        for (uint c = 16 * i; c < columns; c++) {
            store(target + c - 16 * i, decode1(row, c));
        }
    }
#endif
}
