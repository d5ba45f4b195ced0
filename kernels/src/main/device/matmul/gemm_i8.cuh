// Many rows of activations in int8 times a matrix, on tensor cores: in tiles of BM rows of the matrix x BN rows of activations, 32
// columns at a time. Both are decoded to bfloat16 (which has the range of F32, so that no activation is too large) and summed in F32.
// Group ids: rows of the matrix, head, rows of activations (for experts: a tile of the sorted pairs).
//
//   stage    a: BM rows of weights | b: BN rows of activations;    32 bfloat16 each, and 8 of a gap, so that the lanes that read a
//            fragment meet in no bank. There are two: one is read while the next one is filled.
//   item     decodes row `item` of a, and half of row item / 2 of b; what it needs of them is loaded before the products
//   warp     2 x 2 of them, with 64 x 32 sums each: 4 x 4 fragments of 16 x 8
//
// Decodes the matrix once for each BN rows of activations; 2 rows columns operations for each row, bound by those.
#pragma once
#include "matmul/gemm.cuh"
#include "matmul/matvec.cuh"
#include "mma.cuh"

#define STRIDE (BK + 8)
#define WARP_ROWS (BM / 2)
#define WARP_COLUMNS (BN / 2)
// A row of results, with a gap against meeting in banks.
#define STAGED (BM + 4)

static_assert(GEMM_GROUP == 128 && BN * 2 == GEMM_GROUP, "four warps; two items for a row of activations");

struct Int8Stage {
    __align__(16) ushort a[BM][STRIDE];
    __align__(16) ushort b[BN][STRIDE];
};

static_assert(WARP_COLUMNS * STAGED * 4 <= 2 * sizeof(Int8Stage), "half of the results take the place of the stages");

struct Int8Tiles {
    Int8Stage stages[2];
    uint target[BN];
};

#if defined(CUDA_CPU) || !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800

// What an item takes to a stage: 32 weights, 16 activations.
template <class T> struct Carried {
    uint q[2][4];
    float s[2], m[2];
    uint4 codes;
    float d;

    DEVICE_MEMBER void load(bytes row, const Int8Row &x, uint item, uint i) {
        T::codes(row, 2 * i, q[0], s[0], m[0]);
        T::codes(row, 2 * i + 1, q[1], s[1], m[1]);
        codes = x.codes[2 * i + item % 2];
        d = x.scales[i].x;
    }

    DEVICE_MEMBER static void put(ushort *to, const uint (&q)[4], float s, float m) {
#pragma unroll
        for (uint half = 0; half < 2; half++) {
            uint words[4];
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                const uint moved = q[2 * half + j / 2] ^ 0x80808080u;
                const uint k = 2 * (j % 2);
                words[j] = pack_bf16(s * code(moved, k) - m, s * code(moved, k + 1) - m);
            }
            ((uint4 *)to)[half] = make_uint4(words[0], words[1], words[2], words[3]);
        }
    }

    DEVICE_MEMBER void store(Int8Stage &stage, uint item) const {
        put(stage.a[item], q[0], s[0], T::MIN ? m[0] : 0);
        put(stage.a[item] + 16, q[1], s[1], T::MIN ? m[1] : 0);
        const uint x[4] = {codes.x, codes.y, codes.z, codes.w};
        put(stage.b[item / 2] + item % 2 * 16, x, d, 0);
    }
};

template <class T> DEVICE void gemm_i8(Group group, uint item, Int8Tiles &tiles, const Product &p) {
    const uint r0 = group.x * BM;
    const Rows<BN> rows = rows_of<BN>(p, group);
    // The same for the whole group.
    if (rows.count == 0) {
        return;
    }
    for (uint j = item; j < rows.count; j += GEMM_GROUP) {
        tiles.target[j] = rows.target(j);
    }
    // Rows beyond the end repeat the last one; what they give is not stored.
    bytes row = p.row(rows.matrix, min(r0 + item, p.rows - 1));
    Int8Row x;
    find_row(p, rows.target(min(item / 2, rows.count - 1)) / p.share(), group.y, x);
    const uint g = item % WARP / 4;
    const uint t = item % 4;
    const uint warp_row = item / WARP % 2 * WARP_ROWS;
    const uint warp_column = item / WARP / 2 * WARP_COLUMNS;
    float sums[WARP_ROWS / 16][WARP_COLUMNS / 8][4] = {};
    Carried<T> carried;
    carried.load(row, x, item, 0);
    carried.store(tiles.stages[0], item);
    __syncthreads();
    const uint steps = p.columns / BK;
    for (uint i = 0; i < steps; i++) {
        if (i + 1 < steps) {
            carried.load(row, x, item, i + 1);
        }
        const Int8Stage &stage = tiles.stages[i % 2];
#pragma unroll
        for (uint k = 0; k < BK; k += 16) {
            uint b[WARP_COLUMNS / 8][2];
#pragma unroll
            for (uint n = 0; n < WARP_COLUMNS / 8; n++) {
                const ushort *from = &stage.b[warp_column + 8 * n + g][k + 2 * t];
                b[n][0] = *(const uint *)from;
                b[n][1] = *(const uint *)(from + 8);
            }
#pragma unroll
            for (uint m = 0; m < WARP_ROWS / 16; m++) {
                const ushort *from = &stage.a[warp_row + 16 * m + g][k + 2 * t];
                const uint a[4] = {*(const uint *)from, *(const uint *)(from + 8 * STRIDE), *(const uint *)(from + 8),
                        *(const uint *)(from + 8 * STRIDE + 8)};
#pragma unroll
                for (uint n = 0; n < WARP_COLUMNS / 8; n++) {
                    mma_bf16(sums[m][n], a, b[n]);
                }
            }
        }
        if (i + 1 < steps) {
            carried.store(tiles.stages[(i + 1) % 2], item);
        }
        __syncthreads();
    }
    // Back through shared memory, half of the rows of activations at a time: written along the rows of the matrix.
    float(*staged)[STAGED] = (float(*)[STAGED])&tiles.stages[0];
    for (uint half = 0; half < 2; half++) {
        if (warp_column == half * WARP_COLUMNS) {
#pragma unroll
            for (uint n = 0; n < WARP_COLUMNS / 8; n++) {
#pragma unroll
                for (uint m = 0; m < WARP_ROWS / 16; m++) {
#pragma unroll
                    for (uint i = 0; i < 4; i++) {
                        staged[8 * n + 2 * t + i % 2][warp_row + 16 * m + 8 * (i / 2) + g] = sums[m][n][i];
                    }
                }
            }
        }
        __syncthreads();
        const uint r = r0 + item;
        const uint some = min(rows.count - min(rows.count, half * WARP_COLUMNS), (uint)WARP_COLUMNS);
#pragma unroll 2
        for (uint j = 0; j < some; j++) {
            if (r < p.rows) {
                p.store(tiles.target[half * WARP_COLUMNS + j], group.y, r, staged[j][item]);
            }
        }
        __syncthreads();
    }
}

#endif
