// Everything that reads weights of one type: built once for each type, with its decode16 (see quant/) in front.
//
//   QUANT                               the type: its functions are QUANT_decode16 and, without blocks, QUANT_decode1
//   INT8                                whether there are mat-vecs over activations in int8 too, with QUANT_dot32
//   INT8_WITHIN                         whether mat-vecs with ITEM_ROWS may make their activations int8, where QUANT has codes64
//   LANES, MATVEC_GROUP                 work-items for a row of a mat-vec; in a work-group
//   ITEM_ROWS                           rows that they have, one after the other: more than one where a work-item is a work-group
//   WIDE_SUMS                           whether a work-item sums in 16 lanes of its own (vector units) or in one (GPUs)
//   TILES                               whether many rows go through tiles (else through mat-vecs of a few rows each)
//   GEMM_X, GEMM_Y, GEMM_TM, GEMM_TN    a tile: X x Y work-items with TM rows of the weight x TN tokens each
#include "matmul/decode.clh"
#include "matmul/lanes.clh"

// What one product of a matrix (or of a matrix per head, or per chosen expert) is given.
//
//   weight, matrix_bytes, row_bytes, rows, columns    the matrices
//   in, out       views; a head is a group of columns. Of activations in int8: x first cell, y cells from row to row, z columns
//                 of a row, w columns of a head
//   residual      view of what is added, of no cells a row if there is nothing
//   counted       rows of activations
//   bias          where in the constants, or -1
//   ids           for experts: x first cell, y cells a row, z experts used (0: none), w pairs that share an input row
//   order         where the pairs lie sorted by expert: see experts/sort.cl
#define PRODUCT                                                                                                                \
    ulong matrix_bytes, uint row_bytes, uint rows, uint columns, __global float *arena, uint4 in, uint4 out, uint4 residual,   \
            __global const int *step, uint2 counted, __global const float *constants, int bias, uint4 ids, uint order

// What is added to a sum: row t, column r.
float added(__global const float *arena, uint4 residual, __global const float *constants, int bias, uint t, uint r) {
    return (bias < 0 ? 0 : constants[bias + r]) + (residual.y > 0 ? arena[residual.x + t * residual.y + r] : 0);
}

#define GROUP_ROWS (MATVEC_GROUP / LANES * ITEM_ROWS)
#if ITEM_ROWS > 1
#ifdef CODES64
#include "rows/quantise_wide.clh"
#endif
#define NB 1
#include "matmul/wide.clh"
#undef NB
#define NB 4
#include "matmul/wide.clh"
#undef NB
#endif
#define SUFFIX
#include "matmul/variants.clh"
#undef SUFFIX
#ifdef INT8
#define dot32_of CAT(QUANT, _dot32)
#define SUFFIX _i8
#define INT8_ROWS
#include "matmul/variants.clh"
#undef INT8_ROWS
#undef SUFFIX
#include "rows/quantise.clh"
#include "matmul/gated_int8.clh"
#endif

#if ITEM_ROWS > 1
#define NB 1
#include "matmul/transposed_wide.clh"
#undef NB
#define NB 4
#include "matmul/transposed_wide.clh"
#undef NB
#else
#define NB 1
#include "matmul/transposed.clh"
#undef NB
#define NB 4
#include "matmul/transposed.clh"
#undef NB
#endif
#if TILES
#include "matmul/gemm.clh"
#endif
#include "matmul/embed.clh"
