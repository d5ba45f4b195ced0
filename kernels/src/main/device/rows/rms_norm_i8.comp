// As rms_norm, and the rows in int8 too, where the step has no more rows than are made. A work-group for each row.
PARAMETERS(uvec4 to; uvec4 from; uint n; uint weight; float eps; uvec4 place;);

#include "reduce.glsl"
#include "rows/int8.glsl"

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint row = gl_WorkGroupID.y;
    const uint source = from.x + row * from.y;
    const uint target = to.x + row * to.y;
    float sum = 0;
    for (uint i = item; i < n; i += GROUP) {
        sum += load(source + i) * load(source + i);
    }
    const float factor = 1 / sqrt(group_sum(sum) / n + eps);
    for (uint block = item; 32 * block < n; block += GROUP) {
        float x[32];
        [[unroll]] for (uint i = 0; i < 32; i++) {
            x[i] = load(source + 32 * block + i) * factor * constants[weight + 32 * block + i];
        }
        [[unroll]] for (uint i = 0; i < 32; i++) {
            store(target + 32 * block + i, x[i]);
        }
        if (gl_NumWorkGroups.y <= place.w) {
            put32(place, row, block, x);
        }
    }
}
