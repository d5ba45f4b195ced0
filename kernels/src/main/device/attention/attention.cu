// Attention of this step's tokens over the pages of their sequences, with an online softmax (Milakov and Gimelshein, arXiv
// 1805.02867). A group has a token, up to HEADS query heads that share a key head, and a part of the positions; parts are put
// together by merge. Latent attention is the case of one key head whose value is the first part of the key.
//
// Moves parts of the cache once for each block of HEADS heads: (KEY + VALUE, or KEY) cached columns for each position, against
// 2 HEADS (KEY + VALUE) operations: bound by memory up to about 8 heads, by arithmetic for 16 and more.
#include "attention/plain.cuh"
#include "attention/tensor.cuh"

// On tensor cores where the cache is for them. Else chooses how columns are spread: by fours if they can be, in as many stripes as
// there have to be. The host keeps heads times columns of an item at 64, so what is spread over more stripes has fewer heads.
template <class C> DEVICE void attend(Group group, uint item, const Attention &a) {
    if constexpr (C::HALVES) {
        if (fits_tensors(a)) {
            attend_tensors(group, item, a);
            return;
        }
    }
    if (a.key % 4 == 0 && a.value % 4 == 0) {
        if (a.value <= 4 * GROUP_ITEMS) {
            attend<C, ATTENTION_HEADS, 1, 4>(group, item, a);
        } else if (a.value <= 8 * GROUP_ITEMS) {
            attend<C, ATTENTION_HEADS, 2, 4>(group, item, a);
        } else {
            attend<C, ATTENTION_HEADS / 2, MOST_STRIPES, 4>(group, item, a);
        }
    } else {
        attend<C, ATTENTION_HEADS, MOST_STRIPES, 1>(group, item, a);
    }
}

// Puts the parts together. Items: column, head, token. Moves the partial results once.
DEVICE void merge(Group group, uint item, float *arena, uint4 out, uint heads, uint partials, uint value) {
    const uint c = group.x * ROW_GROUP + item;
    const uint h = group.y;
    const uint t = group.z;
    if (c >= value) {
        return;
    }
    const uint parts = ((const uint *)arena)[partials];
    const float *partial = arena + partials + 4 + (t * heads + h) * parts * (value + 2);
    float most = -INFINITY;
    for (uint s = 0; s < parts; s++) {
        most = fmaxf(most, partial[s * (value + 2)]);
    }
    float sum = 0;
    float total = 0;
    for (uint s = 0; s < parts; s++) {
        const float w = expf(partial[s * (value + 2)] - most);
        total += w * partial[s * (value + 2) + 1];
        sum += w * partial[s * (value + 2) + 2 + c];
    }
    arena[out.x + t * out.y + h * out.w + c] = sum / total;
}

#define ATTEND_ARGUMENTS                                                                                                       \
    float *arena, uint4 q, uint4 q_rest, uint4 out, bytes cache, const int *step, Where where, Shape shape, float scale,       \
            float soft_cap, uint partials, uint tickets, uint merged, int group, int heads, int key, int query, int value
#define ATTENTION                                                                                                              \
    Attention { arena, q, q_rest, out, cache, step, where, shape, scale, soft_cap, partials, tickets, merged, (uint)heads,     \
            (uint)key, (uint)query, (uint)value }
#define MERGE_ARGUMENTS                                                                                                        \
    float *arena, uint4 out, uint all_heads, uint partials, int group, int heads, int key, int query, int value

KERNEL(ATTENTION_GROUP) attend_F32(ATTEND_ARGUMENTS) {
    attend<CacheF32>(this_group(), threadIdx.x, ATTENTION);
}

KERNEL(ATTENTION_GROUP) attend_F16(ATTEND_ARGUMENTS) {
    attend<CacheF16>(this_group(), threadIdx.x, ATTENTION);
}

KERNEL(ATTENTION_GROUP) attend_Q8_0(ATTEND_ARGUMENTS) {
    attend<CacheQ8_0>(this_group(), threadIdx.x, ATTENTION);
}

KERNEL(ROW_GROUP) merge_F32(MERGE_ARGUMENTS) {
    merge(this_group(), threadIdx.x, arena, out, all_heads, partials, value);
}

KERNEL(ROW_GROUP) merge_F16(MERGE_ARGUMENTS) {
    merge(this_group(), threadIdx.x, arena, out, all_heads, partials, value);
}

KERNEL(ROW_GROUP) merge_Q8_0(MERGE_ARGUMENTS) {
    merge(this_group(), threadIdx.x, arena, out, all_heads, partials, value);
}
