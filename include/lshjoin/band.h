/* Bands: r symbols of a signature. Two records collide in a band when all its symbols are equal. */
#ifndef LSHJOIN_BAND_H
#define LSHJOIN_BAND_H

#include <stdint.h>

#include "lshjoin/family.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"

/* A 64-bit hash of the r symbols of band number `band`, never BAND_NO_KEY. Depends on nothing else. */
#define BAND_NO_KEY ((uint64_t)0)
uint64_t band_key(const uint32_t *symbols, uint32_t r, uint32_t band);

/* What a rank knows of its records after hashing. */
struct signatures {
    uint64_t n;
    uint32_t bands;
    uint64_t *keys;        /* [bands][n]; BAND_NO_KEY for a record that pairs with nothing */
    struct records digest; /* a row of `bands` equal parts for each record, to find the bands in which two
                              collide: the symbols, or the keys themselves (then it owns nothing) */
};

/* Sign every record with bands*rows functions drawn from seed and make its keys. keep_symbols: the digest is
 * the symbols, so that a chance collision of keys is told from a true one; else it is the keys. */
struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, uint32_t bands, uint32_t rows,
                                    uint64_t seed, bool keep_symbols);
void signatures_free(struct signatures *s);

/* In how many of the bands row i of a and row j of b (digests; each its own stride) are equal, and the lowest
 * such band. */
struct collisions {
    uint32_t count, lowest;
};
struct collisions band_collisions(const struct records *a, uint64_t i, const struct records *b, uint64_t j,
                                  uint32_t bands);

#endif
