// A tile of a product of many rows: BM rows of the matrix x BN rows of activations, by SIZE work-items. Group ids: rows of the matrix,
// head, rows of activations (for experts: a tile of the sorted pairs). Each work-item decodes one row of a tile (Tuning.Tile makes
// sure of it).
#include "matmul/product.glsl"

const uint BM = GEMM_X * GEMM_TM;
const uint BN = GEMM_Y * GEMM_TN;
const uint SIZE = GEMM_X * GEMM_Y;

// The rows of activations of this tile.
shared uint target[BN];
// Their number, and the matrix.
uint count;
uint matrix;

// Finds the rows; returns whether there are any.
bool find_rows() {
    const uint item = gl_LocalInvocationID.x;
    matrix = gl_WorkGroupID.y;
    if (ids.z > 0) {
        if (gl_WorkGroupID.z >= load_word(order)) {
            return false;
        }
        const uint tile = order + 2 + 3 * gl_WorkGroupID.z;
        const uint sorted = order + 2 + 3 * load_word(order + 1) + load_word(tile + 1);
        matrix = load_word(tile);
        count = load_word(tile + 2);
        for (uint j = item; j < count; j += SIZE) {
            target[j] = load_word(sorted + j);
        }
        return true;
    }
    const uint first = gl_WorkGroupID.z * BN;
    const uint all = row_count(counted);
    if (first >= all) {
        return false;
    }
    count = min(all - first, BN);
    for (uint j = item; j < count; j += SIZE) {
        target[j] = first + j;
    }
    return true;
}

// The row of the matrix that this work-item decodes.
uint64_t decoded_row() {
    const uint r = gl_WorkGroupID.x * BM + gl_LocalInvocationID.x;
    return weight + matrix * matrix_bytes + uint64_t(min(r, rows - 1)) * row_bytes;
}

// First cell of row j of the tile's activations.
uint source(uint j) {
    return from.x + target[j] / (ids.z > 0 ? ids.w : 1) * from.y;
}

// Writes what belongs to row m of the tile's weights and row n of its activations, if they are there.
void put(uint m, uint n, float sum) {
    const uint r = gl_WorkGroupID.x * BM + m;
    if (r < rows && n < count) {
        const uint t = target[n];
        store(to.x + t * to.y + gl_WorkGroupID.y * to.w + r, sum + added(bias, t, r));
    }
}
