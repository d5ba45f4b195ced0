// Everything that reads weights of one type: compiled once for each type, with -DQUANT=TYPE. A kernel's name ends with it.
#include "quant/types.cuh"

#include "matmul/product.cuh"

#include "matmul/embed.cuh"
#include "matmul/gemm.cuh"
#include "matmul/matvec.cuh"
#include "matmul/transposed.cuh"

#define ENTRY(name) CAT(name, QUANT)

KERNEL(MATVEC_GROUP) ENTRY(matvec1)(bytes weight, PRODUCT) {
    matvec<QUANT, 1, false>(this_group(), threadIdx.x, PRODUCT_OF(weight), weight);
}

KERNEL(MATVEC_GROUP) ENTRY(matvec1_swiglu)(bytes weight, bytes up, PRODUCT) {
    matvec<QUANT, 1, true>(this_group(), threadIdx.x, PRODUCT_OF(weight), up);
}

KERNEL(MATVEC_GROUP) ENTRY(matvec4)(bytes weight, PRODUCT) {
    matvec<QUANT, 4, false>(this_group(), threadIdx.x, PRODUCT_OF(weight), weight);
}

KERNEL(MATVEC_GROUP) ENTRY(transposed1)(bytes weight, PRODUCT) {
    __shared__ float part[TRANSPOSED_PART];
    transposed<QUANT, 1>(this_group(), threadIdx.x, part, PRODUCT_OF(weight));
}

KERNEL(MATVEC_GROUP) ENTRY(transposed4)(bytes weight, PRODUCT) {
    __shared__ float part[TRANSPOSED_PART];
    transposed<QUANT, 4>(this_group(), threadIdx.x, part, PRODUCT_OF(weight));
}

KERNEL(GEMM_GROUP) ENTRY(gemm)(bytes weight, PRODUCT) {
    __shared__ GemmTiles tiles;
    gemm<QUANT>(this_group(), threadIdx.x, tiles, PRODUCT_OF(weight));
}

KERNEL(ROW_GROUP) ENTRY(embed)(bytes table, uint row_bytes, uint columns, float *arena, uint4 out, const int *step, Where where) {
    embed<QUANT>(this_group(), threadIdx.x, table, row_bytes, columns, arena, out, step, where);
}
