// Formats whose nibbles pick one of 16 signed levels. The table is four words; bytes are picked out of two words at a time.
#pragma once
#include "quant/codes.cuh"

constexpr __device__ uint level_word(const signed char *table, uint j) {
    return (uint)(uint8_t)table[4 * j] | (uint)(uint8_t)table[4 * j + 1] << 8 | (uint)(uint8_t)table[4 * j + 2] << 16
            | (uint)(uint8_t)table[4 * j + 3] << 24;
}

// The levels of four nibbles, the low 16 bits.
DEVICE uint levels_of(uint4 table, uint nibbles) {
    const uint low = __byte_perm(table.x, table.y, nibbles & 0x7777);
    const uint high = __byte_perm(table.z, table.w, nibbles & 0x7777);
    return __byte_perm(low, high, 0x3210 | (nibbles & 0x8888) >> 1);
}

// The levels of the low or the high nibbles of four bytes.
DEVICE uint levels4(uint4 table, uint word, uint high) {
    return __byte_perm(levels_of(table, word), levels_of(table, word >> 16), high ? 0x7531 : 0x6420);
}

DEVICE void levels16(uint4 table, uint (&q)[4], uint high) {
#pragma unroll
    for (uint j = 0; j < 4; j++) {
        q[j] = levels4(table, q[j], high);
    }
}

#define LEVELS(table)                                                                                                          \
    make_uint4(Word<level_word(table, 0)>::VALUE, Word<level_word(table, 1)>::VALUE, Word<level_word(table, 2)>::VALUE,        \
            Word<level_word(table, 3)>::VALUE)

// A number that the compiler has to compute.
template <uint N> struct Word {
    static constexpr uint VALUE = N;
};
