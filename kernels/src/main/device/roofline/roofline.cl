// What a device reaches at best.

// A work-item reads `turns` vectors, neighbours next to each other.
__kernel void read_all(__global float4 *cells, uint turns) {
    const size_t from = get_group_id(0) * (size_t)get_local_size(0) * turns + get_local_id(0);
    float4 sum = 0;
    for (uint i = 0; i < turns; i++) {
        sum += cells[from + i * get_local_size(0)];
    }
    // Never so: the cells are 0. The compiler does not know.
    if (sum.x + sum.y + sum.z + sum.w == 1) {
        cells[from] = sum;
    }
}

// Four chains of sixteen lanes, each a multiply-add a turn.
__kernel void multiply_adds(__global float4 *cells, uint turns) {
    const float16 f = (float16)(0.5f) + cells[0].x;
    float16 a = f;
    float16 b = f + 1;
    float16 c = f + 2;
    float16 d = f + 3;
    for (uint i = 0; i < turns; i++) {
        a = fma(a, f, f);
        b = fma(b, f, f);
        c = fma(c, f, f);
        d = fma(d, f, f);
    }
    const float16 sum = a + b + c + d;
    if (sum.s0 + sum.s5 + sum.sa + sum.sf == -1) {
        cells[get_global_id(0)] = sum.s0123;
    }
}
