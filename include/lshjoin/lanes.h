/* MinHash in lanes of 16 bits, for sketches: as many hash values at once as a register has room for. Of the
 * least value of each function the low byte is kept, as a symbol of 8 bits.
 *
 * Two sets of Jaccard similarity s agree in a symbol with probability s + (1-s)c. c is the chance that two
 * different least values look alike: of sets that have n elements for themselves (l/2) coth(128 l), l = n /
 * 2^16 (the differences of two geometric numbers that are multiples of 256): 1/256 for small sets, .0081 for
 * LANES_MOST_ELEMENTS. */
#ifndef LSHJOIN_LANES_H
#define LSHJOIN_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

enum { LANES_MOST_ELEMENTS = 1024 }; /* of a set for which 16 bits are enough */

struct lanes {
    uint32_t m;                    /* symbols, a multiple of 8 */
    uint64_t seed;                 /* mixed into every element */
    uint16_t *multiplier, *offset; /* [m rounded up to LANES_TOGETHER] of each function */
    enum simd simd;
};

enum { LANES_TOGETHER = 64 };

/* m functions drawn from the seed; free with lanes_free. */
struct lanes lanes_create(uint32_t m, uint64_t seed, enum simd simd);
void lanes_free(struct lanes *l);

/* words[m / 8]: the symbols of the set of n >= 1 elements of `width` bytes (4 or 8, unsigned; the same
 * numbers give the same symbols in both widths), the first in the lowest byte. Repeats and order do not
 * matter. */
void lanes_sketch(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint64_t *words);

#endif
