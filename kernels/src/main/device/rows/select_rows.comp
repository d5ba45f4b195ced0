// The rows whose outputs are wanted. Global ids: column, output.
PARAMETERS(uvec4 to; uvec4 from; uint width; WHERE);

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint row = gl_GlobalInvocationID.y;
    if (i < width) {
        store(cell(to, row, i), load(cell(from, step_block[where[0].w + row], i)));
    }
}
