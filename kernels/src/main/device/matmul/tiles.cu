// Tiles for tensor cores, for activations in int8: compiled once for each type with blocks, with -DQUANT=TYPE, apart from the other
// kernels, since these alone depend on the architecture.
#include "quant/types.cuh"

#include "matmul/product.cuh"

#include "matmul/gemm_i8.cuh"

#define ENTRY(name) CAT(name, QUANT)

#if !CAT(PLAIN, QUANT)
KERNEL(GEMM_GROUP) ENTRY(gemm_i8)(bytes weight, PRODUCT) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
    __shared__ Int8Tiles tiles;
    gemm_i8<QUANT>(this_group(), threadIdx.x, tiles, PRODUCT_OF(weight));
#else
    __shared__ GemmTiles tiles;
    gemm<QUANT, Int8Row>(this_group(), threadIdx.x, tiles, PRODUCT_OF(weight));
#endif
}
#endif
