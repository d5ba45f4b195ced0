// What a device computes at best: four chains of sixteen lanes, each a multiply-add a turn.
PARAMETERS(uint turns;);

void main() {
    const mat4 f = mat4(vec4(0.5), vec4(0.5), vec4(0.5), vec4(0.5)) + load(0);
    mat4 a = f;
    mat4 b = f + 1;
    mat4 c = f + 2;
    mat4 d = f + 3;
    for (uint i = 0; i < turns; i++) {
        [[unroll]] for (uint k = 0; k < 4; k++) {
            a[k] = fma(a[k], f[k], f[k]);
            b[k] = fma(b[k], f[k], f[k]);
            c[k] = fma(c[k], f[k], f[k]);
            d[k] = fma(d[k], f[k], f[k]);
        }
    }
    const mat4 sum = a + b + c + d;
    if (sum[0].x + sum[1].y + sum[2].z + sum[3].w == -1) {
        store(gl_GlobalInvocationID.x, sum[0].x);
    }
}
