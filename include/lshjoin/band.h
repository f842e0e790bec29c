/* Bands: r symbols of a signature. Two records collide in a band when all its symbols are equal. */
#ifndef LSHJOIN_BAND_H
#define LSHJOIN_BAND_H

#include <stdint.h>

#include "lshjoin/family.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"

/* A 63-bit hash of the n words of band number `band`, even and never BAND_NO_KEY. Depends on nothing else.
 * The lowest bit is left for a key's role: BAND_ASKS marks that of a record that asks, where asking and
 * storing differ. */
#define BAND_NO_KEY ((uint64_t)0)
#define BAND_ASKS ((uint64_t)1)
uint64_t band_key(const uint32_t *words, uint32_t n, uint32_t band);

/* What a rank knows of its records after hashing. */
struct signatures {
    uint64_t n;
    uint32_t bands;
    uint32_t variants; /* 1, or 2 where asking and storing differ */
    uint64_t *keys; /* [bands][variants][n]; BAND_NO_KEY where a record has none: it pairs with nothing, or in
                       one role only */
    /* A row of `bands` equal parts for each record, two of which are equal exactly where the records collide:
     * the symbols, where they are kept, else the keys once more, put together by signatures_digest. */
    struct records digest;
};

/* Sign every record with functions drawn as `drawing` says and make its keys. keep_symbols: the digest is the
 * symbols' words, so that a chance collision of keys is told from a true one (not where asking and storing
 * differ). Rows below `split` ask only, the others store only, unless `split` is UINT64_MAX. told(ctx, rows)
 * is called now and then with the number of records that are done. */
struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, const struct drawing *drawing,
                                    uint64_t split, bool keep_symbols, void (*told)(void *ctx, uint64_t rows),
                                    void *ctx);
void signatures_free(struct signatures *s);

/* The digest, made now unless it is there. */
const struct records *signatures_digest(struct signatures *s, struct pool *pool);

/* Of the bands in which the digests a and b (rows as above, of `bytes` each) are equal: the lowest, or
 * `bands` where there is none; and how many there are. */
uint32_t band_first_collision(const void *a, const void *b, size_t bytes, uint32_t bands);
uint32_t band_collisions(const void *a, const void *b, size_t bytes, uint32_t bands);

/* The same of digests that are pairs of keys, stored and asked: in which bands one asks for what the other
 * stores, as slots 2 * band, where b asks, and 2 * band + 1, where a does. The lowest such slot, or 2 *
 * bands; and the number of bands. */
uint32_t band_first_asked(const uint64_t *a, const uint64_t *b, uint32_t bands);
uint32_t band_asked(const uint64_t *a, const uint64_t *b, uint32_t bands);

#endif
