// What the last group of a mat-vec of one row does with the row that the launch has made.
#pragma once
#include "last.cuh"
#include "rows/norm.cuh"

// The row's norm goes to `out` (weight -1: there is none), it or else the row itself in int8 to `place` (of no rows: does not).
struct Tail {
    uint ticket;
    uint4 out;
    int weight;
    float eps;
    uint4 place;

    DEVICE_MEMBER bool wanted() const {
        return weight >= 0 || place.w > 0;
    }
};

// In shared memory.
struct TailPart {
    float part[MATVEC_GROUP / WARP];
    uint last;
};

// The row of n cells from `row` on. Once for all kernels of a unit, for the size of the PTX.
static __device__ __noinline__ void finish_row(Tail tail, uint item, float *part, float *arena, uint row, uint n,
        const float *constants) {
    if (tail.weight < 0) {
        quantise_columns<MATVEC_GROUP>(item, arena, make_uint4(row, 0, n, 0), tail.place, 0, 0, n);
    } else if (tail.place.w > 0) {
        norm_int8<MATVEC_GROUP>(item, part, arena, tail.out.x, row, n, constants, tail.weight, tail.eps, tail.place, 0);
    } else {
        norm<MATVEC_GROUP>(item, part, arena, tail.out.x, row, n, constants, tail.weight, tail.eps);
    }
}

// The same by the last of `groups` groups of MATVEC_GROUP items, which have made it.
DEVICE void finish_row(const Tail &tail, uint groups, uint item, TailPart &shared, float *arena, uint row, uint n,
        const float *constants) {
    if (tail.wanted() && is_last((uint *)arena + tail.ticket, groups, item, &shared.last)) {
        finish_row(tail, item, shared.part, arena, row, n, constants);
    }
}

#define TAIL uint ticket, uint4 tail_out, int tail_weight, float eps, uint4 place
#define TAIL_OF                                                                                                                \
    Tail { ticket, tail_out, tail_weight, eps, place }
