// Global ids: column, row.
PARAMETERS(uvec4 to; uvec4 a; uvec4 b; uint width;);

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint row = gl_GlobalInvocationID.y;
    if (i < width) {
        store(cell(to, row, i), load(cell(a, row, i)) + load(cell(b, row, i)));
    }
}
