// The pairs of all tokens, sorted by expert and cut into tiles of one expert each. At `order`: number of tiles, most tiles, then
// for each tile its expert, first sorted pair and number of pairs, then (after the most tiles) the sorted pairs. One work-group.
//
//   EXPERTS, TILE    experts there are; pairs in a tile of the product that follows
PARAMETERS(uvec4 ids; uint order; uint most_tiles;);

shared uint counts[EXPERTS];
shared uint starts[EXPERTS];

uint expert(uint pair) {
    return load_word(ids.x + pair / ids.z * ids.y + pair % ids.z);
}

void main() {
    const uint item = gl_LocalInvocationID.x;
    const uint pairs = step_block[0] * ids.z;
    const uint tiles = order + 2;
    const uint sorted = tiles + 3 * most_tiles;
    for (uint e = item; e < EXPERTS; e += GROUP) {
        uint n = 0;
        for (uint pair = 0; pair < pairs; pair++) {
            n += expert(pair) == e ? 1 : 0;
        }
        counts[e] = n;
    }
    barrier();
    if (item == 0) {
        uint at = 0;
        uint tile = 0;
        for (uint e = 0; e < EXPERTS; e++) {
            starts[e] = at;
            for (uint done = 0; done < counts[e]; done += TILE) {
                store_word(tiles + 3 * tile, e);
                store_word(tiles + 3 * tile + 1, at + done);
                store_word(tiles + 3 * tile + 2, min(counts[e] - done, TILE));
                tile++;
            }
            at += counts[e];
        }
        store_word(order, tile);
        store_word(order + 1, most_tiles);
    }
    barrier();
    for (uint e = item; e < EXPERTS; e += GROUP) {
        uint at = starts[e];
        for (uint pair = 0; pair < pairs && counts[e] > 0; pair++) {
            if (expert(pair) == e) {
                store_word(sorted + at, pair);
                at++;
            }
        }
    }
}
