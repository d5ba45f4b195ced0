// What reads weights of one type, but for tiles.cu: compiled once for each type, with -DQUANT=TYPE. A kernel's name ends with it.
#include "quant/types.cuh"

#include "matmul/product.cuh"

#include "matmul/embed.cuh"
#include "matmul/gemm.cuh"
#include "matmul/matvec.cuh"
#include "matmul/transposed.cuh"

#define ENTRY(name) CAT(name, QUANT)

// SUFFIX and X: how the activations are kept.
#define MATVECS(SUFFIX, X)                                                                                                     \
    KERNEL(MATVEC_GROUP) ENTRY(matvec1##SUFFIX)(bytes weight, PRODUCT, TAIL) {                                                 \
        __shared__ TailPart shared;                                                                                            \
        matvec1<QUANT, X>(this_group(), threadIdx.x, shared, PRODUCT_OF(weight), TAIL_OF);                                     \
    }                                                                                                                          \
    KERNEL(MATVEC_GROUP) ENTRY(matvec4##SUFFIX)(bytes weight, PRODUCT) {                                                       \
        matvec<QUANT, X, 4>(this_group(), threadIdx.x, PRODUCT_OF(weight));                                                    \
    }                                                                                                                          \
    KERNEL(MATVEC_GROUP) ENTRY(matvec1_swiglu##SUFFIX)(bytes weight, bytes up, PRODUCT) {                                      \
        matvec_swiglu<QUANT, X>(this_group(), threadIdx.x, PRODUCT_OF(weight), up);                                            \
    }                                                                                                                          \
    KERNEL(MATVEC_GROUP) ENTRY(matvec1_joint##SUFFIX)(bytes weight, bytes other, PRODUCT, uint4 other_out, uint other_rows,    \
            int other_bias, TAIL) {                                                                                            \
        __shared__ TailPart shared;                                                                                            \
        matvec_joint<QUANT, X>(this_group(), threadIdx.x, shared, PRODUCT_OF(weight), other, other_out, other_rows,            \
                other_bias, TAIL_OF);                                                                                          \
    }                                                                                                                          \
    KERNEL(MATVEC_GROUP) ENTRY(matvec1_sum##SUFFIX)(bytes weight, PRODUCT, uint4 factors, TAIL) {                              \
        __shared__ TailPart shared;                                                                                            \
        matvec_sum<QUANT, X>(this_group(), threadIdx.x, shared, PRODUCT_OF(weight), factors, TAIL_OF);                         \
    }

MATVECS(, FloatRow)
#if !CAT(PLAIN, QUANT)
MATVECS(_i8, Int8Row)

KERNEL(NORM_GROUP) ENTRY(matvec1_gated_i8)(bytes weight, bytes up, PRODUCT, uint4 place) {
    __shared__ float results[32];
    matvec_gated<QUANT>(this_group(), threadIdx.x, results, PRODUCT_OF(weight), up, place);
}
#endif

KERNEL_BESIDE(MATVEC_GROUP, 6) ENTRY(transposed1)(bytes weight, PRODUCT) {
    __shared__ float part[TRANSPOSED_PART];
    transposed<QUANT, 1>(this_group(), threadIdx.x, part, PRODUCT_OF(weight));
}

KERNEL(MATVEC_GROUP) ENTRY(transposed4)(bytes weight, PRODUCT) {
    __shared__ float part[TRANSPOSED_PART];
    transposed<QUANT, 4>(this_group(), threadIdx.x, part, PRODUCT_OF(weight));
}

KERNEL(GEMM_GROUP) ENTRY(gemm)(bytes weight, PRODUCT) {
    __shared__ GemmTiles tiles;
    gemm<QUANT, FloatRow>(this_group(), threadIdx.x, tiles, PRODUCT_OF(weight));
}

KERNEL(ROW_GROUP) ENTRY(embed)(bytes table, uint row_bytes, uint columns, float *arena, uint4 out, const int *step, Where where) {
    embed<QUANT>(this_group(), threadIdx.x, table, row_bytes, columns, arena, out, step, where);
}
