// Up to NB rows of activations times a matrix. A work-group has ROWS rows of the matrix; its work-items walk along them together.
// Group ids: rows of the matrix, head, rows of activations (for experts: a pair if NB is 1, else a tile of the sorted pairs). With
// GATED, two matrices and the gated activation of both products.
#include "matmul/product.glsl"

const uint ROWS = MATVEC_GROUP / LANES;
#ifdef GATED
const uint SUMS = 2 * ROWS;
#else
const uint SUMS = NB * ROWS;
#endif

shared float partial[SUMS * MATVEC_GROUP];

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint r0 = gl_WorkGroupID.x * ROWS;
    const uint head = gl_WorkGroupID.y;
    uint matrix = head;
    uint count;
    uint target[NB];
#if NB == 1
    const uint pair = gl_WorkGroupID.z;
    if (pair >= row_count(counted)) {
        return;
    }
    target[0] = pair;
    count = 1;
    if (ids.z > 0) {
        matrix = load_word(ids.x + pair / ids.z * ids.y + pair % ids.z);
    }
#else
    if (ids.z > 0) {
        if (gl_WorkGroupID.z >= load_word(order)) {
            return;
        }
        const uint tile = order + 2 + 3 * gl_WorkGroupID.z;
        const uint sorted = order + 2 + 3 * load_word(order + 1) + load_word(tile + 1);
        matrix = load_word(tile);
        count = load_word(tile + 2);
        [[unroll]] for (uint t = 0; t < NB; t++) {
            target[t] = load_word(sorted + min(t, count - 1));
        }
    } else {
        const uint first = gl_WorkGroupID.z * NB;
        const uint all = row_count(counted);
        if (first >= all) {
            return;
        }
        count = min(all - first, NB);
        [[unroll]] for (uint t = 0; t < NB; t++) {
            target[t] = first + min(t, count - 1);
        }
    }
#endif
    const uint share = ids.z > 0 ? ids.w : 1;
    uint x[NB];
    [[unroll]] for (uint t = 0; t < NB; t++) {
        x[t] = from.x + target[t] / share * from.y + head * from.w;
    }
    float sums[SUMS];
    [[unroll]] for (uint s = 0; s < SUMS; s++) {
        sums[s] = 0;
    }
    const uint64_t base_row = weight + matrix * matrix_bytes;
#ifdef GATED
    const uint64_t base_up = up + matrix * matrix_bytes;
#endif
    for (uint i = item; i < columns / 16; i += MATVEC_GROUP) {
        weights16 xs[NB];
        [[unroll]] for (uint t = 0; t < NB; t++) {
            xs[t] = load16(x[t] + 16 * i);
        }
        // Rows beyond the last repeat it, and so do rows of activations.
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            const uint64_t at = uint64_t(min(r0 + r, rows - 1)) * row_bytes;
            const weights16 w = decode16(base_row + at, i);
            [[unroll]] for (uint t = 0; t < NB; t++) {
                sums[r * NB + t] += dot16(w, xs[t]);
            }
#ifdef GATED
            sums[ROWS + r] += dot16(decode16(base_up + at, i), xs[0]);
#endif
        }
    }
#ifdef decode1
    for (uint c = columns / 16 * 16 + item; c < columns; c += MATVEC_GROUP) {
        [[unroll]] for (uint r = 0; r < ROWS; r++) {
            const uint64_t at = uint64_t(min(r0 + r, rows - 1)) * row_bytes;
            const float w = decode1(base_row + at, c);
            [[unroll]] for (uint t = 0; t < NB; t++) {
                sums[r * NB + t] += w * load(x[t] + c);
            }
#ifdef GATED
            sums[ROWS + r] += decode1(base_up + at, c) * load(x[0] + c);
#endif
        }
    }
#endif
    [[unroll]] for (uint s = 0; s < SUMS; s++) {
        const float sum = subgroupAdd(sums[s]);
        if (subgroupElect()) {
            partial[s * MATVEC_GROUP + gl_SubgroupID] = sum;
        }
    }
    barrier();
    for (uint o = item; o < NB * ROWS; o += MATVEC_GROUP) {
        const uint r = r0 + o / NB;
        const uint t = o % NB;
        if (r < rows && t < count) {
            float total = 0;
            for (uint s = 0; s < gl_NumSubgroups; s++) {
                total += partial[o * MATVEC_GROUP + s];
            }
#ifdef GATED
            float raised = 0;
            for (uint s = 0; s < gl_NumSubgroups; s++) {
                raised += partial[(ROWS + o) * MATVEC_GROUP + s];
            }
            total = silu(total) * raised;
#endif
            store(to.x + target[t] * to.y + head * to.w + r, total + added(target[t], r));
        }
    }
}
