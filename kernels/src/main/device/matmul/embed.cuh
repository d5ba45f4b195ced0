// The table's row of each token. Items: 16 columns, token. Moves a row of the table for each token.
#pragma once
#include "common.cuh"

template <class T> DEVICE void embed(Group group, uint item, bytes table, uint row_bytes, uint columns, float *arena, uint4 out,
        const int *step, const Where &where) {
    const uint i = group.x * ROW_GROUP + item;
    const uint t = group.y;
    if (16 * i >= columns || t >= (uint)step[0]) {
        return;
    }
    float w[16];
    decode16_or_zero<T>(table + (ulong64)(uint)step[where.token + t] * row_bytes, i, columns, w);
    float *to = arena + out.x + t * out.y + 16 * i;
#pragma unroll
    for (uint k = 0; k < 16; k++) {
        if (16 * i + k < columns) {
            to[k] = w[k];
        }
    }
}
