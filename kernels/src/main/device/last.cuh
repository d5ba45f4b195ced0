// The last group of a launch to finish goes on with what all of them have made, which spares a launch. Each group takes a ticket; tickets
// count in a cell of the arena that is 0 before the launch and, since they wrap around, after it: a graph can be replayed, and the next
// launch takes the same cell. What the last group computes does not depend on which one it is.
#pragma once
#include "common.cuh"

// Whether this group is the last of `groups` that come here; it then sees what the others wrote before. By all items of a group, of which
// `last` is a word in shared memory.
DEVICE bool is_last(uint *ticket, uint groups, uint item, uint *last) {
    // All items have written; a fence of one of them after that is one for all.
    __syncthreads();
    if (item == 0) {
        __threadfence();
        *last = atomicInc(ticket, groups - 1) == groups - 1;
        __threadfence();
    }
    __syncthreads();
    return *last != 0;
}
