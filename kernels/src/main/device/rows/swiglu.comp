// Global ids: column, row.
PARAMETERS(uvec4 to; uvec4 gate; uvec4 up; uint width;);

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint row = gl_GlobalInvocationID.y;
    if (i < width) {
        store(cell(to, row, i), silu(load(cell(gate, row, i))) * load(cell(up, row, i)));
    }
}
