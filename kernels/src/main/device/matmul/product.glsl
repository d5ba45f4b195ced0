// What all that multiplies with a matrix shares: its parameters, and weights of the type that it is compiled for.
//
//   QUANT                               the type: its functions are QUANT_decode16 and, without blocks, QUANT_decode1
//   LANES, MATVEC_GROUP                 a work-group of a mat-vec has MATVEC_GROUP / LANES rows of the matrix
//   GEMM_X, GEMM_Y, GEMM_TM, GEMM_TN    a tile: X x Y work-items with TM rows of the weight x TN tokens each
#include "quant/QUANT"
#define decode16 CAT(QUANT, _decode16)
#define read32 CAT(QUANT, _codes32)

// What one product of a matrix (or of a matrix per head, or per chosen expert) is given.
//
//   weight, matrix_bytes, row_bytes, rows, columns    the matrices
//   from, to      views; a head is a group of columns
//   residual      view of what is added, of no cells a row if there is nothing
//   counted       rows of activations
//   bias          where in the constants, or -1
//   ids           for experts: x first cell, y cells a row, z experts used (0: none), w pairs that share an input row
//   order         where the pairs lie sorted by expert: see experts/sort_pairs.comp
#define PRODUCT                                                                                                                \
    uint64_t matrix_bytes; uint row_bytes; uint rows; uint columns; uvec4 from; uvec4 to; uvec4 residual; uvec2 counted;       \
    int bias; uvec4 ids; uint order;
#if defined(GATED)
PARAMETERS(uint64_t weight; uint64_t up; PRODUCT);
#elif defined(JOINT)
PARAMETERS(uint64_t weight; uint64_t other; PRODUCT uvec4 other_to; uint other_rows; int other_bias;);
#elif defined(SUMMED)
PARAMETERS(uint64_t weight; PRODUCT uvec4 factors;);
#else
PARAMETERS(uint64_t weight; PRODUCT);
#endif

// 16 weights, zeros beyond the end of the row.
weights16 decode16_or_zero(uint64_t row, uint i) {
    if (16 * i + 16 <= columns) {
        return decode16(row, i);
    }
    weights16 w = weights16(vec4(0), vec4(0), vec4(0), vec4(0));
#ifdef decode1
    for (uint j = 0; 16 * i + j < columns; j++) {
        const float x = decode1(row, 16 * i + j);
        if (j < 4) {
            w.a[j] = x;
        } else if (j < 8) {
            w.b[j - 4] = x;
        } else if (j < 12) {
            w.c[j - 8] = x;
        } else {
            w.d[j - 12] = x;
        }
    }
#endif
    return w;
}

// Sixteen cells of the arena.
weights16 load16(uint c) {
    return weights16(vec4(load(c), load(c + 1), load(c + 2), load(c + 3)), vec4(load(c + 4), load(c + 5), load(c + 6), load(c + 7)),
            vec4(load(c + 8), load(c + 9), load(c + 10), load(c + 11)),
            vec4(load(c + 12), load(c + 13), load(c + 14), load(c + 15)));
}

float dot16(weights16 w, weights16 x) {
    return dot(w.a, x.a) + dot(w.b, x.b) + dot(w.c, x.c) + dot(w.d, x.d);
}

// The first n of sixteen columns.
void store16(uint c, weights16 v, uint n) {
    [[unroll]] for (uint j = 0; j < 4; j++) {
        if (j < n) {
            store(c + j, v.a[j]);
        }
        if (4 + j < n) {
            store(c + 4 + j, v.b[j]);
        }
        if (8 + j < n) {
            store(c + 8 + j, v.c[j]);
        }
        if (12 + j < n) {
            store(c + 12 + j, v.d[j]);
        }
    }
}

// What is added to a sum: row t, column r.
float added(int bias_at, uint t, uint r) {
    float sum = 0;
    if (bias_at >= 0) {
        sum += constants[uint(bias_at) + r];
    }
    if (residual.y > 0) {
        sum += load(residual.x + t * residual.y + r);
    }
    return sum;
}
