// Attention of this step's tokens over the pages of their sequences, with an online softmax (Milakov and Gimelshein, arXiv
// 1805.02867). A work-group has a token, up to HEADS query heads that share a key head, and a part of the positions; parts are
// put together by merge. Latent attention is the case of one key head whose value is the first part of the key.
//
//   KEY, VALUE      columns of a key and of a value
//   QUERY           columns of the first part of the query; the rest comes from a second view
//   HEADS           query heads of a work-group
//   GROUP           work-items of a work-group, and keys of a pass
//
//   shape           [0] query heads for each key head, column of the first value, columns from value to value, window (0: none);
//                   [1] cache row bytes, heads in all
//
// Partial results at `partials`: for each token, head and part the greatest score, the sum of the weights, and the weighted sums;
// before them, in the first of four cells, the number of parts. Group ids: part, heads, token.
PARAMETERS(uvec4 q; uvec4 q_rest; uvec4 to; WHERE uvec4 shape[2]; float scale; float soft_cap; uint partials;);

#include "attention/cached.glsl"

const bool ALIGNED = KEY % 4 == 0 && VALUE % 4 == 0;
// Of a query in shared memory, zeros behind the key.
const uint PADDED = (KEY + 3) / 4 * 4;
// Passes over the columns of a value.
const uint STRIPES = (VALUE + 4 * GROUP - 1) / (4 * GROUP);

shared vec4 query[HEADS * PADDED / 4];
shared float weights[HEADS * GROUP];
shared float greatest[HEADS];
shared float correction[HEADS];
shared uint row_at[GROUP];

// Columns c ... c + 3 of a head that starts at `first`; zeros from column n of the head on.
vec4 columns4(uint row, uint first, uint c, uint n) {
    if (ALIGNED) {
        return cached4(row, first + c);
    }
    vec4 v = vec4(0);
    [[unroll]] for (uint j = 0; j < 4; j++) {
        if (c + j < n) {
            v[j] = cached1(row, first + c + j);
        }
    }
    return v;
}

float tangens_hyperbolicus(float x) {
    const float e = exp(-2 * abs(x));
    return sign(x) * (1 - e) / (1 + e);
}

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint t = gl_WorkGroupID.z;
    const uint parts = gl_NumWorkGroups.x;
    const uint part = gl_WorkGroupID.x;
    const uint blocks = (shape[0].x + HEADS - 1) / HEADS;
    const uint key_head = gl_WorkGroupID.y / blocks;
    const uint in_group = gl_WorkGroupID.y % blocks * HEADS;
    const uint head0 = key_head * shape[0].x + in_group;
    const uint heads = min(shape[0].x - in_group, HEADS);
    const uint sequence = step_block[where[0].z + t];
    const uint end = step_block[where[0].y + t] + 1;
    const uint begin = shape[0].w > 0 && end > shape[0].w ? end - shape[0].w : 0;
    // Whole passes for each part.
    const uint each = ((end - begin + parts - 1) / parts + GROUP - 1) / GROUP * GROUP;
    const uint first = begin + part * each;
    const uint last = min(first + each, end);

    if (parts > 1 && item == 0 && part == 0 && gl_WorkGroupID.y == 0 && t == 0) {
        store_word(partials, parts);
    }
    for (uint e = item; e < HEADS * PADDED; e += GROUP) {
        const uint h = e / PADDED;
        const uint c = e % PADDED;
        float x = 0;
        if (h < heads && c < KEY) {
            x = c < QUERY ? load(q.x + t * q.y + (head0 + h) * q.w + c)
                          : load(q_rest.x + t * q_rest.y + (head0 + h) * q_rest.w + c - QUERY);
        }
        query[e / 4][e % 4] = x;
    }
    for (uint h = item; h < HEADS; h += GROUP) {
        greatest[h] = -INFINITE;
    }
    vec4 sums[HEADS * STRIPES];
    float total[HEADS];
    [[unroll]] for (uint i = 0; i < HEADS * STRIPES; i++) {
        sums[i] = vec4(0);
    }
    [[unroll]] for (uint h = 0; h < HEADS; h++) {
        total[h] = 0;
    }
    barrier();

    for (uint j0 = first; j0 < last; j0 += GROUP) {
        const uint keys = min(last - j0, GROUP);
        if (item < keys) {
            const uint at = cache_row(sequence, j0 + item) * shape[1].x;
            row_at[item] = at;
            vec4 dots[HEADS];
            [[unroll]] for (uint h = 0; h < HEADS; h++) {
                dots[h] = vec4(0);
            }
            for (uint c = 0; c < KEY; c += 4) {
                const vec4 k = columns4(at, key_head * KEY, c, KEY);
                [[unroll]] for (uint h = 0; h < HEADS; h++) {
                    dots[h] += k * query[(h * PADDED + c) / 4];
                }
            }
            [[unroll]] for (uint h = 0; h < HEADS; h++) {
                const float score = scale * (dots[h].x + dots[h].y + dots[h].z + dots[h].w);
                weights[h * GROUP + item] = soft_cap > 0 ? soft_cap * tangens_hyperbolicus(score / soft_cap) : score;
            }
        }
        barrier();
        for (uint h = item; h < HEADS; h += GROUP) {
            float most = greatest[h];
            for (uint k = 0; k < keys; k++) {
                most = max(most, weights[h * GROUP + k]);
            }
            correction[h] = exp(greatest[h] - most);
            greatest[h] = most;
        }
        barrier();
        if (item < keys) {
            [[unroll]] for (uint h = 0; h < HEADS; h++) {
                weights[h * GROUP + item] = exp(weights[h * GROUP + item] - greatest[h]);
            }
        }
        barrier();
        [[unroll]] for (uint h = 0; h < HEADS; h++) {
            total[h] *= correction[h];
            [[unroll]] for (uint i = 0; i < STRIPES; i++) {
                sums[h * STRIPES + i] *= correction[h];
            }
        }
        for (uint k = 0; k < keys; k++) {
            [[unroll]] for (uint i = 0; i < STRIPES; i++) {
                const uint c = (i * GROUP + item) * 4;
                vec4 value = vec4(0);
                if (c < VALUE) {
                    value = columns4(row_at[k], shape[0].y + key_head * shape[0].z, c, VALUE);
                }
                [[unroll]] for (uint h = 0; h < HEADS; h++) {
                    sums[h * STRIPES + i] += weights[h * GROUP + k] * value;
                }
            }
            [[unroll]] for (uint h = 0; h < HEADS; h++) {
                total[h] += weights[h * GROUP + k];
            }
        }
        barrier();
    }

    [[unroll]] for (uint h = 0; h < HEADS; h++) {
        if (h < heads) {
            const uint partial = partials + 4 + ((t * shape[1].y + head0 + h) * parts + part) * (VALUE + 2);
            const uint target = parts == 1 ? to.x + t * to.y + (head0 + h) * to.w : partial + 2;
            const float factor = parts == 1 ? 1 / total[h] : 1;
            if (parts > 1 && item == 0) {
                store(partial, greatest[h]);
                store(partial + 1, total[h]);
            }
            [[unroll]] for (uint i = 0; i < STRIPES; i++) {
                const uint c = (i * GROUP + item) * 4;
                [[unroll]] for (uint j = 0; j < 4; j++) {
                    if (c + j < VALUE) {
                        store(target + c + j, sums[h * STRIPES + i][j] * factor);
                    }
                }
            }
        }
    }
}
