// A group of columns over the root of its mean square, times a weight. A work-group for each group of columns of each row.
PARAMETERS(uvec4 to; uvec4 from; uint n; uint weight; float eps;);

#include "reduce.glsl"

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint source = from.x + gl_WorkGroupID.y * from.y + gl_WorkGroupID.x * from.w;
    const uint target = to.x + gl_WorkGroupID.y * to.y + gl_WorkGroupID.x * to.w;
    float sum = 0;
    for (uint i = item; i < n; i += GROUP) {
        sum += load(source + i) * load(source + i);
    }
    const float factor = 1 / sqrt(group_sum(sum) / n + eps);
    for (uint i = item; i < n; i += GROUP) {
        store(target + i, load(source + i) * factor * constants[weight + i]);
    }
}
