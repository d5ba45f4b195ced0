// Up to NB rows of activations times the transpose of a matrix per head: out[c] = sum over r of in[r] weight[r][c]. A work-item
// has 16 columns; LANES work-items share the rows of the matrix. Group ids: columns, head, rows of activations.
#include "matmul/product.glsl"

shared vec4 part[4 * MATVEC_GROUP];

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint lane = item % LANES;
    const uint i = (gl_WorkGroupID.x * MATVEC_GROUP + item) / LANES;
    const uint head = gl_WorkGroupID.y;
    const uint first = gl_WorkGroupID.z * NB;
    const uint count = row_count(counted);
    weights16 sums[NB];
    [[unroll]] for (uint t = 0; t < NB; t++) {
        sums[t] = weights16(vec4(0), vec4(0), vec4(0), vec4(0));
    }
    if (16 * i < columns && first < count) {
        const uint64_t matrix = weight + head * matrix_bytes;
        const uint x = from.x + first * from.y + head * from.w;
        for (uint r = lane; r < rows; r += LANES) {
            const weights16 w = decode16_or_zero(matrix + uint64_t(r) * row_bytes, i);
            [[unroll]] for (uint t = 0; t < NB; t++) {
                if (first + t < count) {
                    const float f = load(x + t * from.y + r);
                    sums[t].a += f * w.a;
                    sums[t].b += f * w.b;
                    sums[t].c += f * w.c;
                    sums[t].d += f * w.d;
                }
            }
        }
    }
    if (LANES > 1) {
        [[unroll]] for (uint t = 0; t < NB; t++) {
            barrier();
            part[item] = sums[t].a;
            part[MATVEC_GROUP + item] = sums[t].b;
            part[2 * MATVEC_GROUP + item] = sums[t].c;
            part[3 * MATVEC_GROUP + item] = sums[t].d;
            for (uint half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) {
                barrier();
                if (lane < half_lanes) {
                    [[unroll]] for (uint q = 0; q < 4; q++) {
                        part[q * MATVEC_GROUP + item] += part[q * MATVEC_GROUP + item + half_lanes];
                    }
                }
            }
            sums[t] = weights16(part[item], part[MATVEC_GROUP + item], part[2 * MATVEC_GROUP + item],
                    part[3 * MATVEC_GROUP + item]);
        }
    }
    if (lane == 0 && 16 * i < columns) {
        [[unroll]] for (uint t = 0; t < NB; t++) {
            if (first + t < count) {
                store16(to.x + (first + t) * to.y + head * to.w + 16 * i, sums[t], columns - 16 * i);
            }
        }
    }
}
