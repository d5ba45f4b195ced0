// Row t of the output is the weighted sum of rows t used ... t used + used - 1 of the input, and what is to be added. Global ids:
// column, row.
PARAMETERS(uvec4 to; uvec4 from; uvec4 weights; uvec4 residual; uint used; uint width;);

void main() {
    const uint i = gl_GlobalInvocationID.x;
    const uint t = gl_GlobalInvocationID.y;
    if (i < width) {
        float sum = 0;
        for (uint j = 0; j < used; j++) {
            sum += load(cell(weights, t, j)) * load(cell(from, t * used + j, i));
        }
        store(cell(to, t, i), residual.y > 0 ? sum + load(cell(residual, t, i)) : sum);
    }
}
