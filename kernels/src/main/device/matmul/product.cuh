// What one product of a matrix (or of a matrix per head, or per chosen expert) is given.
//
//   weight, matrix_bytes, row_bytes, rows, columns    the matrices
//   in, out       views; a head is a group of columns
//   residual      view of what is added, of no cells a row if there is nothing
//   counted       rows of activations
//   bias          where in the constants, or -1
//   ids           for experts: x first cell, y cells a row, z experts used (0: none), w pairs that share an input row
//   order         where the pairs lie sorted by expert: see experts/experts.cu
#pragma once
#include "common.cuh"

struct Product {
    bytes weight;
    ulong64 matrix_bytes;
    uint row_bytes, rows, columns;
    float *arena;
    uint4 in, out, residual;
    const int *step;
    uint2 counted;
    const float *constants;
    int bias;
    uint4 ids;
    uint order;

    DEVICE_MEMBER bytes row(uint matrix, uint r) const {
        return weight + matrix * matrix_bytes + (ulong64)r * row_bytes;
    }

    // Rows of activations that share one: pairs of a token.
    DEVICE_MEMBER uint share() const {
        return ids.z > 0 ? ids.w : 1;
    }

    // What is added to a sum: row t, column r.
    DEVICE_MEMBER float added(uint t, uint r) const {
        return (bias < 0 ? 0 : constants[bias + r]) + (residual.y > 0 ? arena[residual.x + t * residual.y + r] : 0);
    }

    DEVICE_MEMBER void store(uint t, uint head, uint r, float sum) const {
        arena[out.x + t * out.y + head * out.w + r] = sum + added(t, r);
    }

    // Whether the activations can be read four at a time.
    DEVICE_MEMBER bool fours() const {
        return ((in.x | in.y | in.w) & 3) == 0;
    }
};

// A kernel's arguments behind its weights.
#define PRODUCT                                                                                                                \
    ulong64 matrix_bytes, uint row_bytes, uint rows, uint columns, float *arena, uint4 in, uint4 out, uint4 residual,          \
            const int *step, uint2 counted, const float *constants, int bias, uint4 ids, uint order
#define PRODUCT_OF(weight)                                                                                                     \
    Product { weight, matrix_bytes, row_bytes, rows, columns, arena, in, out, residual, step, counted, constants, bias, ids, order }

// Which rows of activations a group has, and with which matrix it multiplies them.
template <uint MOST> struct Rows {
    uint matrix;
    // Fewer than MOST at the end.
    uint count;
    // Where in the row list target(t) is found.
    const uint *list;
    uint first;

    DEVICE_MEMBER uint target(uint t) const {
        return list ? list[first + t] : first + t;
    }
};

// The rows of the group's z: MOST of them, or a tile of the pairs sorted by expert. Count 0: there is nothing for this group.
template <uint MOST> DEVICE Rows<MOST> rows_of(const Product &p, Group group) {
    if (p.ids.z > 0) {
        const uint *sorted = (const uint *)p.arena + p.order;
        if (group.z >= sorted[0]) {
            return {0, 0, nullptr, 0};
        }
        const uint *tile = sorted + 2 + 3 * group.z;
        return {tile[0], tile[2], sorted + 2 + 3 * sorted[1], tile[1]};
    }
    const uint first = group.z * MOST;
    const uint all = row_count(p.step, p.counted);
    return {group.y, first < all ? min(all - first, MOST) : 0, nullptr, first};
}

// One row, or one pair that is not sorted.
DEVICE Rows<1> one_row(const Product &p, Group group) {
    const uint pair = group.z;
    const uint matrix = p.ids.z > 0 ? ((const uint *)p.arena)[p.ids.x + pair / p.ids.z * p.ids.y + pair % p.ids.z] : group.y;
    return {matrix, pair < row_count(p.step, p.counted) ? 1u : 0u, nullptr, pair};
}
