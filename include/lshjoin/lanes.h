/* MinHash for sketches, in lanes of 16 or 32 bits: functions so simple that a register computes many at once.
 * The least value of each, folded to 8 bits, is a symbol.
 *
 * Two sets of Jaccard similarity s agree in a symbol with probability s + (1-s)c. c is the chance that two
 * different least values look alike: of sets that have n elements (l/2) coth(128 l), l = n / 2^16 or n / 2^32
 * (the differences of two geometric numbers that are multiples of 256): 1/256 for small sets, .0081 for the
 * largest of which lanes of 16 bits are made. */
#ifndef LSHJOIN_LANES_H
#define LSHJOIN_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

enum {
    LANES_MOST_OF_16_BITS = 1024, /* elements of the largest set for which so few bits are enough */
    LANES_TOGETHER = 64
};

struct lanes {
    uint32_t m;                /* symbols, a multiple of 8 */
    uint32_t bits;             /* of a hash value */
    uint64_t seed;             /* mixed into every element */
    void *multiplier, *offset; /* [m rounded up to LANES_TOGETHER] of each function, as wide as a value */
    enum simd simd;
};

/* m functions drawn from the seed, for sets of `most_elements` at most; free with lanes_free. */
struct lanes lanes_create(uint32_t m, uint64_t most_elements, uint64_t seed, enum simd simd);
void lanes_free(struct lanes *l);

/* words[m / 8]: the symbols of the set of n >= 1 elements of `width` bytes (4 or 8, unsigned; the same
 * numbers give the same symbols in both widths), the first in the lowest byte. Repeats and order do not
 * matter. */
void lanes_sketch(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint64_t *words);

#endif
