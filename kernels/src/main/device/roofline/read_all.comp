// What a device reads at best: a work-item reads `turns` vectors, neighbours next to each other.
PARAMETERS(uint turns;);

layout(set = 0, binding = 1, std430) readonly buffer Vectors { vec4 vectors[]; };

void main() {
    const uint from = gl_WorkGroupID.x * GROUP * turns + gl_LocalInvocationID.x;
    vec4 sum = vec4(0);
    for (uint i = 0; i < turns; i++) {
        sum += vectors[from + i * GROUP];
    }
    // Never so: the cells are 0. The compiler does not know.
    if (sum.x + sum.y + sum.z + sum.w == 1) {
        store(from, sum.x);
    }
}
