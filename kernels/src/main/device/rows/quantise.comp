// Rows of a view in int8. Global ids: block of 32 columns, row.
PARAMETERS(uvec4 from; uvec4 place;);

#include "rows/int8.glsl"

void main() {
    const uint block = gl_GlobalInvocationID.x;
    const uint row = gl_GlobalInvocationID.y;
    if (32 * block >= place.z) {
        return;
    }
    float x[32];
    [[unroll]] for (uint i = 0; i < 32; i++) {
        x[i] = load(cell(from, row, 32 * block + i));
    }
    put32(place, row, block, x);
}
