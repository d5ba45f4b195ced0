// Many rows of activations times a matrix, in tiles of BM rows of the matrix x BN rows of activations, 32 columns at a time
// through shared memory. Group ids: rows of the matrix, head, rows of activations (for experts: a tile of the sorted pairs). Each
// work-item decodes one row of a tile (Tuning.Tile makes sure of it).
#include "matmul/product.glsl"

const uint BM = GEMM_X * GEMM_TM;
const uint BN = GEMM_Y * GEMM_TN;
const uint SIZE = GEMM_X * GEMM_Y;

shared float a[32 * BM];
shared float b[32 * (BN + 1)];
shared uint target[BN];

void put4(uint k, uint item, vec4 v) {
    [[unroll]] for (uint j = 0; j < 4; j++) {
        a[(k + j) * BM + item] = v[j];
    }
}

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint r0 = gl_WorkGroupID.x * BM;
    uint matrix = gl_WorkGroupID.y;
    uint count;
    if (ids.z > 0) {
        if (gl_WorkGroupID.z >= load_word(order)) {
            return;
        }
        const uint tile = order + 2 + 3 * gl_WorkGroupID.z;
        const uint sorted = order + 2 + 3 * load_word(order + 1) + load_word(tile + 1);
        matrix = load_word(tile);
        count = load_word(tile + 2);
        for (uint j = item; j < count; j += SIZE) {
            target[j] = load_word(sorted + j);
        }
    } else {
        const uint first = gl_WorkGroupID.z * BN;
        const uint all = row_count(counted);
        if (first >= all) {
            return;
        }
        count = min(all - first, BN);
        for (uint j = item; j < count; j += SIZE) {
            target[j] = first + j;
        }
    }
    const uint share = ids.z > 0 ? ids.w : 1;
    const uint64_t row = weight + matrix * matrix_bytes + uint64_t(min(r0 + item, rows - 1)) * row_bytes;
    const uint x = from.x + gl_WorkGroupID.y * from.w;
    const uint ax = item % GEMM_X * GEMM_TM;
    const uint by = item / GEMM_X * GEMM_TN;
    float sums[GEMM_TM * GEMM_TN];
    [[unroll]] for (uint s = 0; s < GEMM_TM * GEMM_TN; s++) {
        sums[s] = 0;
    }
    for (uint c0 = 0; c0 < columns; c0 += 32) {
        barrier();
        [[unroll]] for (uint i = 0; i < 2; i++) {
            const weights16 w = decode16_or_zero(row, c0 / 16 + i);
            put4(16 * i, item, w.a);
            put4(16 * i + 4, item, w.b);
            put4(16 * i + 8, item, w.c);
            put4(16 * i + 12, item, w.d);
        }
        for (uint e = item; e < 32 * BN; e += SIZE) {
            const uint j = e / 32;
            const uint k = e % 32;
            float value = 0;
            if (j < count && c0 + k < columns) {
                value = load(x + target[j] / share * from.y + c0 + k);
            }
            b[k * (BN + 1) + j] = value;
        }
        barrier();
        for (uint k = 0; k < 32; k++) {
            float bs[GEMM_TN];
            [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
                bs[n] = b[k * (BN + 1) + by + n];
            }
            [[unroll]] for (uint m = 0; m < GEMM_TM; m++) {
                const float w = a[k * BM + ax + m];
                [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
                    sums[m * GEMM_TN + n] += w * bs[n];
                }
            }
        }
    }
    [[unroll]] for (uint m = 0; m < GEMM_TM; m++) {
        const uint r = r0 + ax + m;
        if (r < rows) {
            [[unroll]] for (uint n = 0; n < GEMM_TN; n++) {
                if (by + n < count) {
                    const uint t = target[by + n];
                    store(to.x + t * to.y + gl_WorkGroupID.y * to.w + r, sums[m * GEMM_TN + n] + added(bias, t, r));
                }
            }
        }
    }
}
