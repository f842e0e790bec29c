/* MinHash (Broder 1997): m independent hash functions of an element; a set's symbol k is the least value of
 * function k over its elements, so two sets agree in a symbol with probability J, their Jaccard similarity.
 */
#ifndef LSHJOIN_MINHASH_H
#define LSHJOIN_MINHASH_H

#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

struct minhash {
    uint32_t m;     /* number of functions */
    uint64_t seed;  /* mixed into every element */
    uint32_t *salt; /* [m rounded up to 64], all different: what makes function k */
    enum simd simd;
};

/* m functions drawn from the seed; free with minhash_free. */
struct minhash minhash_create(uint32_t m, uint64_t seed, enum simd simd);
/* Functions [first, first + m) of those that the seed draws. */
struct minhash minhash_part(uint32_t first, uint32_t m, uint64_t seed, enum simd simd);
void minhash_free(struct minhash *h);

/* More symbols than m for which there must be room. */
enum { MINHASH_PADDING = 64 };

/* symbols[m] of the set of n >= 1 elements of `width` bytes (4 or 8, unsigned; the same numbers give the same
 * symbols in both widths). Repeats and order do not matter. symbols has room for
 * MINHASH_PADDING more. */
void minhash_sign(const struct minhash *h, const void *elements, size_t width, uint64_t n, uint32_t *symbols);

#endif
