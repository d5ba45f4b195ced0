// How kernels are cut for NVIDIA GPUs: the CUDA row of Tuning (Java) holds the same numbers.
#pragma once

// Work-items of a warp.
#define WARP 32
// Work-items that share a row of a mat-vec: a warp; and work-items of its group.
#define LANES 32
#define MATVEC_GROUP 128
// A tile of a product: GEMM_X * GEMM_Y work-items with GEMM_TM rows of the weight x GEMM_TN rows of activations each.
#define GEMM_X 16
#define GEMM_Y 8
#define GEMM_TM 8
#define GEMM_TN 8
// Pairs of an expert that go together: GEMM_Y * GEMM_TN.
#define TILE 64
// Work-items that norm a row, that work elementwise, that choose a token's experts (a warp), that sort pairs by expert.
#define NORM_GROUP 256
#define ROW_GROUP 256
#define SELECT_GROUP 32
#define SORT_GROUP 256
// Work-items of an attention group, and keys of a pass; query heads of a group at most.
#define ATTENTION_GROUP 128
#define ATTENTION_HEADS 8
// Constants of Tuning that these kernels have no use for.
#define ITEM_ROWS 1
#define WIDE_SUMS 0
#define TILES 1
