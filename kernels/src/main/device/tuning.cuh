// What Tuning.NVIDIA says: kernels are compiled for it ahead of time. A test of backend-cuda compares both.
#pragma once
#define LANES 32
#define MATVEC_GROUP 64
#define WIDE_SUMS 0
#define GEMM_X 8
#define GEMM_Y 8
#define GEMM_TM 8
#define GEMM_TN 4
#define TILES 1
#define TILE 32
#define NORM_GROUP 256
#define SELECT_GROUP 32
#define SORT_GROUP 256
#define ROW_GROUP 256
#define ATTENTION_GROUP 128
#define ATTENTION_HEADS 8
