/* Bands: r symbols of a signature. Two records collide in a band when all its symbols are equal. */
#ifndef LSHJOIN_BAND_H
#define LSHJOIN_BAND_H

#include <stdint.h>

#include "lshjoin/family.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"

/* A 64-bit hash of the n words of band number `band`, never BAND_NO_KEY. Depends on nothing else. */
#define BAND_NO_KEY ((uint64_t)0)
uint64_t band_key(const uint32_t *words, uint32_t n, uint32_t band);

/* What a rank knows of its records after hashing. */
struct signatures {
    uint64_t n;
    uint32_t bands;
    uint64_t *keys; /* [bands][n]; BAND_NO_KEY for a record that pairs with nothing */
    /* A row of `bands` equal parts for each record, two of which are equal exactly where the records collide:
     * the symbols, where they are kept, else the keys once more, put together by signatures_digest. */
    struct records digest;
};

/* Sign every record with functions drawn as `drawing` says and make its keys. keep_symbols: the digest is the
 * symbols' words, so that a chance collision of keys is told from a true one. told(ctx, rows) is called now
 * and then with the number of records that are done. */
struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, const struct drawing *drawing,
                                    bool keep_symbols, void (*told)(void *ctx, uint64_t rows), void *ctx);
void signatures_free(struct signatures *s);

/* The digest, made now unless it is there. */
const struct records *signatures_digest(struct signatures *s, struct pool *pool);

/* Of the bands in which the digests a and b (rows as above, of `bytes` each) are equal: the lowest, or
 * `bands` where there is none; and how many there are. */
uint32_t band_first_collision(const void *a, const void *b, size_t bytes, uint32_t bands);
uint32_t band_collisions(const void *a, const void *b, size_t bytes, uint32_t bands);

#endif
